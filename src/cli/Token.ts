import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { mint, type MintOptions } from "../auth/Mint.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { resolved } from "./Config.ts"
import { refuse } from "./Refusal.ts"

const text = (name: string, about: string) =>
  Flag.String(name).pipe(Flag.withDescription(about), Flag.optional)

const flags = {
  portal: Flag.Literals("portal", ["CP", "PP"]).pipe(Flag.withDescription("The portal that accepts it")),
  user: text("user", "The user id"),
  email: text("email", "The user's email address"),
  roles: text("roles", "Roles, separated by commas"),
  customer: text("customer", "The customer id"),
  trial: Flag.Boolean("trial").pipe(
    Flag.withDescription("The customer is in trial, for 7 more days"),
    Flag.withDefault(false),
  ),
  governorAgent: text(
    "governor-agent",
    "The agent through which an admin governs; it makes a Governor on PP",
  ),
  expiresIn: Flag.Int("expires-in").pipe(
    Flag.withDescription("Seconds until it expires"),
    Flag.filter(
      (seconds) => seconds > 0,
      () => "a positive number of seconds",
    ),
    Flag.withDefault(3600),
  ),
}

const mintCommand = Command.make(
  "mint",
  flags,
  Effect.fnUntraced(function* ({ portal, user, email, roles, customer, trial, governorAgent, expiresIn }) {
    const { settings, sources } = yield* resolved
    const secret = `JWT_SECRET_${portal}` as const
    // In production `mint` refuses for a better reason.
    if (settings.environment === "development" && sources.get(secret)?.origin === "generated") {
      return yield* refuse(
        `${secret} is not set. A server without it generates one that only that server knows, so no token made here would pass. Set ${secret} to the same value for the server and for this command, or use the token that the server prints when it starts.`,
        1,
      )
    }
    const options: MintOptions = {
      ...(Option.isSome(user) ? { userId: user.value } : {}),
      ...(Option.isSome(email) ? { email: email.value } : {}),
      ...(Option.isSome(roles) ? { roles: roles.value.split(",") } : {}),
      ...(Option.isSome(customer) ? { customerId: customer.value } : {}),
      ...(Option.isSome(governorAgent) ? { governorAgentId: governorAgent.value } : {}),
      trial,
      lifetimeSeconds: expiresIn,
    }
    const token = yield* mint(portal, options).pipe(
      Effect.provideService(GatewayConfig, settings),
      Effect.catchTag("CannotMint", ({ message }) => refuse(message, 1)),
    )
    yield* Console.log(token)
  }),
).pipe(Command.withDescription("Print an access token, in development only"))

/** `gateway token ...` */
export const tokenCommand = Command.make("token").pipe(
  Command.withDescription("Work with access tokens"),
  Command.withSubcommands([mintCommand]),
)
