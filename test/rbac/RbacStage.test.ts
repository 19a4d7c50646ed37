import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Option } from "effect"
import type { AuditEvent } from "../../src/audit/AuditLog.ts"
import { Exchange } from "../../src/http/Exchange.ts"
import { Problem } from "../../src/http/Problems.ts"
import { findRoute } from "../../src/http/Routes.ts"
import type { App } from "../../src/http/Stage.ts"
import { Policy } from "../../src/policy/Policy.ts"
import { type AllowedVerdict, Ruling } from "../../src/policy/Ruling.ts"
import { RbacStage } from "../../src/rbac/RbacStage.ts"
import { customer, staff } from "../auth/Identities.ts"
import { answers, type Asked, policyFrom, type Setup, stages, through } from "../policy/StagesUnderTest.ts"

/** Answers, and keeps how the request was ruled. */
const ruledIn = (rulings: Array<Option.Option<AllowedVerdict>>): App<Exchange> =>
  Exchange.use((exchange) => {
    rulings.push(Ruling.in(exchange))
    return answers(200)
  })

const asked = (request: Asked, app: App<Exchange> = answers(200)) =>
  Effect.map(RbacStage, (stage) => through(stage, request, app))

const refusalOf = (request: Asked) => Effect.flatMap(asked(request), ({ answer }) => Effect.flip(answer))

const over = (setup?: Setup) => Effect.provide(stages(setup))

const createAgent = { method: "POST", path: "/api/v1/agents" }

describe("a member of staff", () => {
  it.effect("with the permission passes, and the ruling says the highest level of the roles", () =>
    Effect.gen(function* () {
      const rulings: Array<Option.Option<AllowedVerdict>> = []
      const identity = staff({ roles: ["helpdesk_agent", "agent_orchestrator", "viewer"] })
      const { answer, exchange } = yield* asked({ identity, ...createAgent }, ruledIn(rulings))
      assert.strictEqual((yield* answer).status, 200)
      const [ruling] = rulings.flatMap(Option.toArray)
      assert.strictEqual(ruling?.decision.obligations.role_level, 5)
      assert.strictEqual(ruling?.decision.obligations.target_backend, "production")
      assert.isFalse(exchange.answerHeaders.has("x-policy-decision"))
    }).pipe(over()),
  )

  it.effect("without it is refused, told what is missing, and on record", () => {
    const events: Array<AuditEvent> = []
    return Effect.gen(function* () {
      const rulings: Array<Option.Option<AllowedVerdict>> = []
      const { answer } = yield* asked({ identity: staff(), ...createAgent }, ruledIn(rulings))
      const problem = yield* Effect.flip(answer)
      assert.strictEqual(problem.slug, "permission-denied")
      assert.deepStrictEqual(problem.extensions, {
        permission: "agent.create",
        required_roles: ["admin", "agent_orchestrator"],
        reasons: ["permission-denied"],
      })
      assert.lengthOf(rulings, 0)
      assert.deepStrictEqual(events, [
        {
          kind: "security",
          name: "permission_denied",
          severity: "WARNING",
          correlationId: Option.some("correlation-1"),
          userId: Option.some("staff-1"),
          customerId: Option.none(),
          details: {
            portal: "PP",
            method: "POST",
            route: "/api/v1/agents",
            path: "/api/v1/agents",
            problem: "permission-denied",
            ...problem.extensions,
          },
        },
      ])
    }).pipe(over({ events }))
  })

  it.effect("may use a route for any role whatever the role", () =>
    Effect.gen(function* () {
      for (const role of ["viewer", "industry_manager", "admin"]) {
        const { answer } = yield* asked({ identity: staff({ roles: [role] }), path: "/api/v1/auth/me" })
        assert.strictEqual((yield* answer).status, 200)
      }
    }).pipe(over()),
  )
})

it.effect("a route without a permission entry is denied, also to an admin", () =>
  Effect.gen(function* () {
    const found = findRoute("PP", "GET", "/api/v1/auth/me")
    if (found instanceof Problem) return assert.fail("no route")
    const { pp: _, ...route } = found.route
    const problem = yield* refusalOf({
      identity: staff({ roles: ["admin"] }),
      path: "/api/v1/auth/me",
      match: { ...found, route },
    })
    assert.strictEqual(problem.slug, "permission-denied")
    assert.deepStrictEqual(problem.extensions, {
      permission: null,
      required_roles: [],
      reasons: ["permission-denied"],
    })
  }).pipe(over()),
)

it.effect("a question that the policies cannot read is denied, and logged as the gateway's fault", () => {
  const lines: Array<unknown> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push([logLevel, message])
  })
  return Effect.gen(function* () {
    const problem = yield* refusalOf({ identity: staff({ roles: ["owner"] }), path: "/api/v1/agents" })
    assert.strictEqual(problem.slug, "permission-denied")
    assert.deepStrictEqual(problem.extensions, { reasons: ["malformed-input"] })
    assert.deepStrictEqual(lines, [
      [
        "Error",
        [
          "The policies could not read what the gateway asked them.",
          { route: "/api/v1/agents", fields: ["roles"] },
        ],
      ],
    ])
  }).pipe(over(), Effect.provide(Logger.layer([logger])))
})

it.effect("while nobody can decide, nobody passes", () => {
  const away = new Problem({ slug: "service-unavailable", detail: "Policy service unavailable" })
  return Effect.gen(function* () {
    const problem = yield* refusalOf({ identity: staff({ roles: ["admin"] }), path: "/api/v1/agents" })
    assert.strictEqual(problem, away)
  }).pipe(over({ policy: Layer.succeed(Policy, { decide: () => Effect.fail(away) }) }))
})

it.effect.each([
  [{ source: "cache", ageSeconds: 12.9 }, "cached; age=12"],
  [{ source: "stale", ageSeconds: 1799 }, "cached; age=1799"],
  [{ source: "fallback", ageSeconds: 0 }, "fallback"],
] as const)("an answer by a verdict from %o says %s, allowed or denied", ([provenance, header]) =>
  Effect.gen(function* () {
    for (const method of ["GET", "POST"]) {
      const { answer, exchange } = yield* asked({ identity: staff(), method, path: "/api/v1/agents" })
      yield* Effect.exit(answer)
      assert.strictEqual(exchange.answerHeaders.get("x-policy-decision"), header)
    }
  }).pipe(over({ policy: policyFrom(provenance) })),
)

it.effect("a customer's request is none of its business", () =>
  Effect.gen(function* () {
    const rulings: Array<Option.Option<AllowedVerdict>> = []
    const { answer } = yield* asked({ identity: customer(), ...createAgent }, ruledIn(rulings))
    assert.strictEqual((yield* answer).status, 200)
    assert.deepStrictEqual(rulings, [Option.none()])
  }).pipe(over()),
)

it.effect("switched off it refuses nobody, and there is no ruling", () =>
  Effect.gen(function* () {
    const rulings: Array<Option.Option<AllowedVerdict>> = []
    const { answer } = yield* asked({ identity: staff(), ...createAgent }, ruledIn(rulings))
    assert.strictEqual((yield* answer).status, 200)
    assert.deepStrictEqual(rulings, [Option.none()])
  }).pipe(Effect.provide(RbacStage.layerOff)),
)
