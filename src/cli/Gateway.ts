import type { Effect } from "effect"
import { Command } from "effect/cli"
import { approvalsCommand } from "./Approvals.ts"
import { breakersCommand } from "./Breakers.ts"
import { configCommand, reportFaults } from "./Config.ts"
import { flagsCommand } from "./Flags.ts"
import { migrateCommand } from "./Migrate.ts"
import { rolloutCommand } from "./Rollout.ts"
import { tokenCommand } from "./Token.ts"

/**
 * The `gateway` command (SPEC 1).
 *
 * A faulty configuration is printed once, on standard error, whatever the subcommand; the error that is left then
 * carries exit code 2 for `NodeRuntime.runMain`, which needs no teardown of its own.
 */
export const gatewayCommand = <E, R>(handlers: {
  /** Runs the gateway until it is stopped. */
  readonly serve: Effect.Effect<void, E, R>
}) => {
  const serve = Command.make("serve", {}, () => reportFaults(handlers.serve)).pipe(
    Command.withDescription("Run the gateway"),
  )
  return Command.make("gateway").pipe(
    Command.withDescription("The gateway between the two portals and Plant"),
    Command.withSubcommands([
      serve,
      approvalsCommand,
      breakersCommand,
      configCommand,
      flagsCommand,
      migrateCommand,
      rolloutCommand,
      tokenCommand,
    ]),
  )
}
