import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Effect, Runtime } from "effect"
import { Command } from "effect/cli"
import { TestConsole } from "effect/testing"
import { gatewayCommand } from "../../src/cli/Gateway.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"

/**
 * Runs the command line in this environment: what it printed, and the exit code that a process would have. `serve` reads
 * the configuration and starts nothing.
 */
export const commandLine = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const serve = Effect.provide(Effect.asVoid(GatewayConfig), GatewayConfig.layer)
    const run = Command.runWith(gatewayCommand({ serve }), { version: "0.0.0" })
    const exit = yield* run([...args]).pipe(
      Effect.provide(NodeServices.layer),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
      Effect.exit,
    )
    let code = -1
    Runtime.defaultTeardown(exit, (is) => (code = is))
    const out = (yield* TestConsole.logLines).join("\n")
    const err = (yield* TestConsole.errorLines).join("\n")
    return { code, out, err }
  }).pipe(Effect.provide(TestConsole.layer))
