import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Effect, Exit, Runtime } from "effect"
import { Command } from "effect/cli"
import { gatewayCommand } from "./cli/Gateway.ts"
import { serve } from "./cli/Serve.ts"
import { GatewayConfig } from "./config/GatewayConfig.ts"

let isServing = false
const serving = Effect.suspend(() => {
  isServing = true
  return serve
})

gatewayCommand({ serve: Effect.provide(serving, GatewayConfig.layer) }).pipe(
  Command.run({ version: "0.1.0" }),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({
    // Being told to stop is no failure of a gateway; it is one of a command that has not done what it was asked.
    teardown: (exit, onExit) =>
      isServing && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
        ? onExit(0)
        : Runtime.defaultTeardown(exit, onExit),
  }),
)
