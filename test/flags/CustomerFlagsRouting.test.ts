import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { cohorts } from "../../src/flags/Cohort.ts"
import { table } from "../../src/http/RouteTable.ts"
import { assertProblem } from "../RawAnswer.ts"
import { notEnrolled, requestsAt, startFlagged } from "./FlaggedGateway.ts"
import { customers } from "./FlagsUnderTest.ts"

const rows = { "customer-1": notEnrolled, "customer-2": {} }
const staffOf = (customerId: string | null) => ({ customerId, roles: ["viewer"] })
describe("a customer's requests go", () => {
  it.live("to the direct integration where the customer's row says no, and to Plant where it says yes", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      assert.strictEqual((yield* gateway.ask()).json()["upstream"], "plant-direct")
      assert.strictEqual(requestsAt(gateway.plant), 0)
      const enrolled = yield* gateway.ask({ as: { customerId: "customer-2" } })
      assert.strictEqual(enrolled.json()["upstream"], "plant")
      assert.strictEqual(requestsAt(gateway.direct), 1)
    }),
  )

  it.live("by the cohort where there is no row", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rollout: "canary_25pct" })
      const ways = {
        canary_5pct: "plant",
        canary_25pct: "plant",
        canary_50pct: "plant-direct",
        stable_100pct: "plant-direct",
      }
      for (const cohort of cohorts) {
        const answer = yield* gateway.ask({ as: { customerId: customers[cohort] } })
        assert.strictEqual(answer.json()["upstream"], ways[cohort])
      }
      assert.strictEqual(gateway.reached(), 4)
    }),
  )

  it.live.each([
    ["true", "plant"],
    ["false", "plant-direct"],
  ] as const)("by FLAGS_DEFAULT_ENABLED=%s where nothing is said of them, to %s", ([value, upstream]) =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ env: { FLAGS_DEFAULT_ENABLED: value } })
      assert.strictEqual((yield* gateway.ask()).json()["upstream"], upstream)
    }),
  )
})

describe("staff", () => {
  it.live("who belong to a customer go where that customer goes", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const direct = yield* gateway.ask({ portal: "PP", as: staffOf("customer-1") })
      assert.strictEqual(direct.json()["upstream"], "plant-direct")
      const enrolled = yield* gateway.ask({ portal: "PP", as: staffOf("customer-2") })
      assert.strictEqual(enrolled.json()["upstream"], "plant")
    }),
  )

  it.live("who belong to no customer have everything, whatever the default is", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ env: { FLAGS_DEFAULT_ENABLED: "false" } })
      const as = staffOf(null)
      assert.strictEqual((yield* gateway.ask({ portal: "PP", as })).json()["upstream"], "plant")
      assertProblem(yield* gateway.ask({ portal: "PP", as, method: "POST" }), "permission-denied")
      assert.strictEqual(gateway.reached(), 1)
    }),
  )
})

const own = (["CP", "PP"] as const).flatMap((portal) =>
  table.flatMap(({ answeredBy, method, template, ...on }) =>
    answeredBy === "gateway" && on[portal === "CP" ? "cp" : "pp"] !== undefined
      ? [{ portal, method, path: template.replace("{id}", "x").replace("/**", "/policy") }]
      : [],
  ),
)

describe("what the flags have no say in", () => {
  it.live("the gateway's own routes are never sent anywhere", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      assert.isAbove(own.length, 10)
      for (const { portal, method, path } of own) {
        const as = { customerId: "customer-1", ...(portal === "PP" ? { roles: ["admin"] } : {}) }
        yield* gateway.ask({ portal, as, method, path })
      }
      const problems = { portal: "PP", as: staffOf("customer-1"), path: "/_gateway/problems" } as const
      assert.strictEqual((yield* gateway.ask(problems)).status, 200)
      assert.strictEqual(gateway.reached(), 0)
    }),
  )

  it.live("public routes go to Plant, whatever token comes along", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows })
      const answer = yield* gateway.ask({ path: "/api/auth/google/login" })
      assert.strictEqual(answer.json()["upstream"], "plant")
      assert.strictEqual(gateway.reached(), 1)
    }),
  )

  it.live("with auth off nobody is a customer, and everything goes to Plant", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ rows, env: { ENABLE_AUTH_MIDDLEWARE: "false" } })
      assert.strictEqual((yield* gateway.ask()).json()["upstream"], "plant")
    }),
  )
})

describe("a customer is refused, and no upstream hears of it,", () => {
  it.live("while nobody knows which way", () =>
    Effect.gen(function* () {
      const gateway = yield* startFlagged({ away: true, env: { FLAGS_DEFAULT_ENABLED: "false" } })
      for (const [portal, as] of [["CP"], ["PP", staffOf("customer-1")]] as const) {
        const answer = yield* gateway.ask({ portal, ...(as === undefined ? {} : { as }) })
        assertProblem(answer, "service-unavailable")
        assert.strictEqual(answer.headers["retry-after"], "1")
      }
      assert.strictEqual(gateway.reached(), 0)
      // Nobody has to know it of whom the flags do not speak.
      assert.strictEqual((yield* gateway.ask({ portal: "PP", as: staffOf(null) })).status, 200)
    }),
  )

  it.live("where there is no direct integration; who is enrolled is served", () =>
    Effect.gen(function* () {
      const { plant } = yield* startFlagged({})
      const gateway = yield* startFlagged({
        rows,
        urls: { plant: plant.url, sandbox: Option.none() },
      })
      const { detail } = assertProblem(yield* gateway.ask(), "service-unavailable")
      assert.include(String(detail), "direct integration")
      assert.strictEqual(requestsAt(plant), 0)
      assert.strictEqual((yield* gateway.ask({ as: { customerId: "customer-2" } })).status, 200)
    }),
  )
})
