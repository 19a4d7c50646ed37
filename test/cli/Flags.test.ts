import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { memoryDatabase } from "../admin/FlagsWorld.ts"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { commandLine } from "./CommandLine.ts"

/** Says it to a running gateway, as the development token's administrator. */
const saying =
  ({ port }: GatewayUnderTest) =>
  (...args: ReadonlyArray<string>) =>
    commandLine(["flags", ...args], {
      PORT: String(port),
      JWT_SECRET_PP: "a-secret-for-tests-of-the-platform-portal",
    })

/** What it prints when all goes well. */
const printing = (under: GatewayUnderTest) => {
  const say = saying(under)
  return (...args: ReadonlyArray<string>) =>
    Effect.map(say(...args), ({ code, out, err }) => {
      assert.deepStrictEqual([code, err], [0, ""], args.join(" "))
      return out
    })
}

const why = ["--reason", "They asked for it."]

describe("gateway flags", () => {
  it.live("writes a row, says what it changed and what holds, and keeps what is not said", () =>
    Effect.gen(function* () {
      const print = printing(yield* startGateway({ ports: memoryDatabase }))
      assert.strictEqual(
        yield* print("get", "customer-1"),
        "customer-1 has no row.\nIts requests go through the gateway: FLAGS_DEFAULT_ENABLED says so.",
      )
      const first = ["--enabled", "true", "--policy", "false", "--cohort", "pilots"]
      assert.strictEqual(
        yield* print("set", "customer-1", ...first, ...why),
        "customer-1 had: no row. It has now: through the gateway, without policy, cohort pilots.\n" +
          "Its requests go through the gateway, without policy: its row says so.",
      )
      assert.strictEqual(
        yield* print("set", "customer-1", "--enabled", "false", "--budget", "false", ...why),
        "customer-1 had: through the gateway, without policy, cohort pilots. " +
          "It has now: direct, without policy and budget, cohort pilots.\n" +
          "Its requests go direct: its row says so.",
      )
      const last = ["--enabled", "true", "--policy", "true", "--budget", "true", "--cohort", ""]
      assert.match(yield* print("set", "customer-1", ...last, ...why), /It has now: through the gateway\.$/m)
      assert.match(
        yield* print("get", "customer-1"),
        /^customer-1 has a row: through the gateway; by gateway-cli at \S+Z\.\nIts requests go through the gateway: its row says so\.$/,
      )
    }),
  )

  it.live("takes a customer off, removes the row, and prints who did that and why", () =>
    Effect.gen(function* () {
      const print = printing(yield* startGateway({ ports: memoryDatabase }))
      yield* print("set", "customer-1", "--enabled", "true", "--cohort", "pilots", ...why)
      assert.strictEqual(
        yield* print("disable", "customer-1", "--reason", "It answers nonsense."),
        "customer-1 had: through the gateway, cohort pilots. It has now: direct, cohort pilots.\n" +
          "Its requests go direct: its row says so.",
      )
      assert.strictEqual(
        yield* print("remove", "customer-1", ...why),
        "customer-1 had: direct, cohort pilots. It has now: no row.\n" +
          "Its requests go through the gateway: FLAGS_DEFAULT_ENABLED says so.",
      )
      assert.match(yield* print("remove", "customer-1", ...why), /^customer-1 still has: no row\.$/m)
      const history = yield* print("history", "customer-1")
      assert.match(history, /^AT +CUSTOMER +BY +BEFORE +AFTER +REASON$/m)
      const disabled = "through the gateway, cohort pilots +direct, cohort pilots +It answers nonsense\\."
      assert.match(history, new RegExp(`^\\S+Z  customer-1  gateway-cli  ${disabled}$`, "m"))
      assert.lengthOf(history.split("\n"), 4)
      assert.strictEqual(yield* print("history", "customer-2"), "No row was ever changed here.")
    }),
  )

  it.live("prints the rows page by page, and how well they are known", () =>
    Effect.gen(function* () {
      const print = printing(yield* startGateway({ ports: memoryDatabase }))
      assert.strictEqual(yield* print("list"), "No customer has a row here, so the rollout decides for all.")
      for (const customer of ["customer-1", "customer-2"]) {
        yield* print("set", customer, "--enabled", "false", "--rbac", "false", ...why)
      }
      const page = yield* print("list", "--limit", "1")
      assert.match(page, /^CUSTOMER +GOES +WITHOUT +COHORT +UPDATED +BY$/m)
      assert.match(page, /^customer-1 +direct +rbac +\S+Z +gateway-cli$/m)
      assert.match(page, /^There are more: go on with --after "customer-1"$/m)
      const rest: { readonly flags: ReadonlyArray<{ readonly customer_id: string }> } = JSON.parse(
        yield* print("list", "--after", "customer-1", "--json"),
      )
      assert.deepStrictEqual(
        rest.flags.map(({ customer_id }) => customer_id),
        ["customer-2"],
      )
      assert.match(
        yield* print("status"),
        /^The flags of the instance that answers are current\.\nThe database confirmed them \S+ seconds ago, at \S+Z: revision \d+\.\n2 customers have rows of their own\./,
      )
    }),
  )

  it.live("takes every id that a token can carry", () =>
    Effect.gen(function* () {
      const print = printing(yield* startGateway({ ports: memoryDatabase }))
      for (const customer of [
        "status",
        "a/b",
        "..",
        "back\\slash",
        "100%25",
        "?a=b&c#d",
        "a b+c",
        "'\"$(x)",
      ]) {
        yield* print("set", customer, "--enabled", "true", ...why)
        yield* print("disable", customer, ...why)
        const { row }: { readonly row: Readonly<Record<string, unknown>> } = JSON.parse(
          yield* print("get", customer, "--json"),
        )
        assert.deepInclude(row, { customer_id: customer, gateway_enabled: false })
        assert.match(yield* print("remove", customer, ...why), /It has now: no row\.$/m)
      }
    }),
  )

  it.live("lets helpdesk agents take customers off, and nothing else", () =>
    Effect.gen(function* () {
      const under = yield* startGateway({ ports: memoryDatabase })
      const say = saying(under)
      const token = ["--token", yield* under.token("PP", { roles: ["helpdesk_agent"] })]
      assert.strictEqual((yield* say("disable", "customer-1", ...why, ...token)).code, 0)
      const refused = yield* say("set", "customer-1", "--enabled", "true", ...why, ...token)
      assert.deepStrictEqual(refused, {
        code: 1,
        out: "",
        err: "Permission Denied: This needs the role admin or infrastructure_engineer.",
      })
    }),
  )

  it.live.each([
    [["set", "customer-1", "--enabled", "true"], "Missing required flag: --reason"],
    [["set", "customer-1", ...why], "Missing required flag: --enabled"],
    [["set", "customer-1", "--enabled", "maybe", ...why], 'flag --enabled: "maybe". Expected:'],
    [["disable", "customer-1", "--reason", ""], "one line of 1 to 500 characters that says why"],
    [["get", " customer-1"], 'argument <customer>: " customer-1". Expected: the id of a customer'],
    [["set", "c", "--enabled", "true", "--cohort", "a\nb", ...why], "one line of 1 to 100 characters"],
    [["list", "--limit", "201"], 'flag --limit: "201". Expected: a whole number from 1 to 200'],
  ] as const)("asks nobody %j, and says what is wrong", ([args, says]) =>
    Effect.gen(function* () {
      const env = { GATEWAY_URL: "http://127.0.0.1:1", GATEWAY_TOKEN: "any" }
      const { code, err } = yield* commandLine(["flags", ...args], env)
      assert.strictEqual(code, 1)
      assert.include(err, says)
    }),
  )
})
