import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { upstreamSaying } from "../AwkwardPeers.ts"
import { memoryDatabase } from "../admin/FlagsWorld.ts"
import { type GatewayUnderTest, startGateway } from "../GatewayUnderTest.ts"
import { commandLine } from "./CommandLine.ts"

/** Says it to a running gateway, as the development token's administrator. */
const saying =
  ({ port }: GatewayUnderTest) =>
  (...args: ReadonlyArray<string>) =>
    commandLine(["rollout", ...args], {
      PORT: String(port),
      JWT_SECRET_PP: "a-secret-for-tests-of-the-platform-portal",
    })

const why = ["--reason", "It is time."]

/** What a command prints where the gateway answers so. */
const shown = (args: ReadonlyArray<string>, answer: unknown) =>
  Effect.gen(function* () {
    const body = Buffer.from(JSON.stringify(answer))
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    const url = yield* upstreamSaying(Buffer.concat([Buffer.from(head), body]))
    return yield* commandLine(["rollout", ...args], { GATEWAY_URL: url, GATEWAY_TOKEN: "any" })
  })

const running = {
  state: "running",
  cohort: "canary_25pct",
  percent: 25,
  automatic: true,
  step: 2,
  step_started_at: "2026-03-14T12:00:00.000Z",
  updated_at: "2026-03-14T12:05:00.000Z",
  updated_by: "engineer-1",
  reason: "It does well.",
  version: 3,
}

describe("gateway rollout", () => {
  it.live("starts, pauses, resumes and aborts the rollout of a running gateway, and says where it is", () =>
    Effect.gen(function* () {
      const say = saying(yield* startGateway({ ports: memoryDatabase }))
      const said = (...args: ReadonlyArray<string>) =>
        Effect.map(say(...args, ...why), ({ code, out, err }) => {
          assert.deepStrictEqual([code, err], [0, ""], args.join(" "))
          return out
        })
      assert.match(
        (yield* say("status")).out,
        /^There never was a rollout\. Customers go through the gateway: FLAGS_DEFAULT_ENABLED says so\.$/m,
      )
      assert.strictEqual(yield* said("advance"), "The rollout is running at 5 % (canary_5pct), step 1.")
      assert.strictEqual(yield* said("pause"), "The rollout is paused at 5 % (canary_5pct), step 1.")
      assert.strictEqual(yield* said("resume"), "The rollout is running at 5 % (canary_5pct), step 1.")
      assert.strictEqual(
        yield* said("advance", "--to", "stable_100pct", "--automatic", "true"),
        "The rollout is running at 100 % (stable_100pct), step 2.",
      )
      const { out } = yield* say("status")
      assert.match(out, /^Last change +\S+Z by gateway-cli$/m)
      assert.match(out, /^Reason +It is time\.$/m)
      assert.match(out, /^0 customers have rows of their own, which decide/m)
      assert.strictEqual(yield* said("abort"), "The rollout is aborted at 0 %, step 3.")

      const again = yield* say("abort", ...why)
      assert.deepStrictEqual([again.code, again.out], [1, ""])
      assert.match(again.err, /^Conflict: The rollout is aborted\./)

      const history = yield* say("history")
      assert.match(history.out, /^AT +ACTION +STATE +PERCENT +BY +REASON$/m)
      assert.match(history.out, /^\S+Z +abort +aborted +0 % +gateway-cli +It is time\.$/m)
      const last = yield* say("history", "--limit", "1", "--json")
      const { events }: { readonly events: ReadonlyArray<{ readonly action: string }> } = JSON.parse(last.out)
      assert.deepStrictEqual(
        events.map(({ action }) => action),
        ["abort"],
      )
    }),
  )

  it.live("shows how the canary does against the control, with how much of each was seen", () =>
    Effect.gen(function* () {
      const { out } = yield* shown(["status"], {
        rollout: running,
        assessment: {
          verdict: "broken",
          scope: "all",
          since: "2026-03-14T12:00:00.000Z",
          until: "2026-03-14T12:10:00.000Z",
          requests: { canary: 400, control: 1200 },
          errors: { canary: 40, control: 12 },
          checks: [
            { metric: "error-ratio", canary: 0.1, control: 0.01, limit: 0.03, verdict: "broken" },
            { metric: "p95-latency", canary: 0.1204, control: null, limit: null, verdict: "missing" },
          ],
        },
        customers_with_rows: 1,
        default_enabled: false,
      })
      assert.strictEqual(
        out,
        [
          "The rollout is running at 25 % (canary_25pct), step 2.",
          "",
          "Step since   2026-03-14T12:00:00.000Z",
          "Last change  2026-03-14T12:05:00.000Z by engineer-1",
          "Reason       It does well.",
          "Next step    by itself, once this one went well",
          "",
          "One customer has a row of their own, which decides whatever becomes of the rollout.",
          "",
          "The canary does badly, on all instances, from 2026-03-14T12:00:00.000Z to 2026-03-14T12:10:00.000Z.",
          "",
          "CHECK        CANARY   CONTROL  LIMIT   VERDICT",
          "error-ratio  10.00 %  1.00 %   3.00 %  broken",
          "p95-latency  120 ms   -        -       missing",
          "",
          "SAMPLE    CANARY  CONTROL",
          "requests  400     1200",
          "errors    40      12",
        ].join("\n"),
      )
    }),
  )

  it.live("says when an abort is obeyed but not on record yet", () =>
    Effect.gen(function* () {
      const aborted = { ...running, state: "aborted", cohort: null, percent: 0, step: 3 }
      const { code, out } = yield* shown(["abort", ...why], { rollout: aborted, stored: false })
      assert.strictEqual(code, 0)
      assert.strictEqual(
        out,
        "The rollout is aborted at 0 %, step 3.\n" +
          "The database is away: the instance that was asked obeys already, the others once it is back.",
      )
    }),
  )

  it.live("lets helpdesk agents abort, and start nothing", () =>
    Effect.gen(function* () {
      const under = yield* startGateway({ ports: memoryDatabase })
      const say = saying(under)
      const token = ["--token", yield* under.token("PP", { roles: ["helpdesk_agent"] })]
      const refused = yield* say("advance", ...why, ...token)
      assert.deepStrictEqual(refused, {
        code: 1,
        out: "",
        err: "Permission Denied: This needs the role admin or infrastructure_engineer.",
      })
      yield* say("advance", ...why)
      assert.strictEqual((yield* say("abort", ...why, ...token)).code, 0)
    }),
  )

  it.live.each([
    [["advance"], "Missing required flag: --reason"],
    [["abort"], "Missing required flag: --reason"],
    [["advance", "--to", "canary_10pct", ...why], 'flag --to: "canary_10pct". Expected'],
    [["pause", "--reason", " "], "one line of 1 to 500 characters that says why"],
    [["history", "--limit", "0"], 'flag --limit: "0". Expected: a whole number from 1 to 200'],
  ] as const)("asks nobody %j, and says what is wrong", ([args, says]) =>
    Effect.gen(function* () {
      const env = { GATEWAY_URL: "http://127.0.0.1:1", GATEWAY_TOKEN: "any" }
      const { code, err } = yield* commandLine(["rollout", ...args], env)
      assert.strictEqual(code, 1)
      assert.include(err, says)
    }),
  )
})
