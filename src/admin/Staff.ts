import { Context, Effect, Layer, Option } from "effect"
import { HttpApiMiddleware, HttpApiSecurity, OpenApi } from "effect/http-api"
import { AuditLog } from "../audit/AuditLog.ts"
import type { Identity } from "../auth/ConstitutionalContext.ts"
import { unauthorized } from "../auth/Refusals.ts"
import { Problem } from "../http/Problems.ts"

interface Rule {
  readonly roles: ReadonlyArray<string>
  /** One of the roles is not enough: it takes a Governor (SPEC 3). */
  readonly governor?: true
}

/**
 * Who has which of SPEC 18's duties. PP tokens carry the roles of SPEC 3; the duties are for the admin API alone.
 *
 * Rolling back is open to more than releasing is: who is awake at night must be able to take a change back, whoever
 * made it. A helpdesk agent can do that, and change nothing else here. Nothing here is the auditor's.
 */
const duties = {
  admin: ["admin"],
  operator: ["admin", "infrastructure_engineer"],
  releaser: ["admin", "infrastructure_engineer"],
  rollbackOnly: ["admin", "infrastructure_engineer", "helpdesk_agent"],
  viewer: ["admin", "infrastructure_engineer", "helpdesk_agent", "viewer"],
} as const

/** What the admin API asks of its callers, beside a PP token (SPEC 18). */
const rules = {
  "approvals.read": { roles: duties.admin },
  "approvals.decide": { roles: duties.admin, governor: true },
  "breakers.read": { roles: duties.operator },
  "breakers.force": { roles: duties.operator },
  "flags.read": { roles: duties.viewer },
  "flags.write": { roles: duties.releaser },
  "policy.read": { roles: duties.operator },
  "rollout.read": { roles: duties.viewer },
  "rollout.advance": { roles: duties.releaser },
  rollback: { roles: duties.rollbackOnly },
} as const satisfies Record<string, Rule>
type AdminPermission = keyof typeof rules

class Needed extends Context.Service<Needed, AdminPermission>()("gateway/admin/Staff/Needed") {}

/** Annotates an endpoint with what its callers need, and with what it is for. */
export const restricted = (permission: AdminPermission, summary: string) =>
  Context.add(
    OpenApi.annotations({ summary, override: { "x-gateway-permission": permission } }),
    Needed,
    permission,
  )

/** What the pipeline knows of a request. Where nobody says, nobody calls. */
export const Called = Context.Reference("gateway/admin/Staff/Called", {
  defaultValue: () => ({
    /** Absent where authentication is switched off. */
    identity: Option.none<Identity>(),
    correlationId: "",
    method: "",
    path: "",
  }),
})

/** A caller who may do what the endpoint is for. */
export class Staff extends Context.Service<
  Staff,
  {
    readonly identity: Identity
    /** Of the request, for the record. */
    readonly correlationId: string
    /** Refuses this one case all the same: 403 `permission-denied`, which goes on record. */
    readonly deny: (detail: string) => Effect.Effect<never, Problem>
  }
>()("gateway/admin/Staff") {}

/**
 * Stands before every endpoint, and before its input is decoded: it provides the caller, or refuses with `unauthorized`
 * or `permission-denied` (SPEC 4).
 */
export class StaffOnly extends HttpApiMiddleware.Service<StaffOnly, { provides: Staff }>()(
  "gateway/admin/StaffOnly",
  {
    // For the documentation: the token was verified long ago.
    security: {
      bearer: HttpApiSecurity.bearer.pipe(
        HttpApiSecurity.annotateMerge(
          OpenApi.annotations({ format: "JWT", description: "An access token of the staff's portal." }),
        ),
      ),
    },
  },
) {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { record } = yield* AuditLog

      const admit = Effect.fnUntraced(function* (permission: AdminPermission, route: string) {
        const { identity: known, correlationId, method, path } = yield* Called
        if (Option.isNone(known)) return yield* unauthorized()
        const identity = known.value
        const deny = (detail: string) => {
          const required = { permission, required_roles: rules[permission].roles }
          const problem = new Problem({ slug: "permission-denied", detail, extensions: required })
          return Effect.andThen(
            record({
              kind: "security",
              name: "permission_denied",
              severity: "WARNING",
              correlationId: Option.some(correlationId),
              userId: Option.some(identity.userId),
              customerId: identity.customerId,
              details: { portal: identity.portal, method, route, path, problem: problem.slug, ...required },
            }),
            Effect.fail(problem),
          )
        }
        return mayDo(identity, permission)
          ? { identity, correlationId, deny }
          : yield* deny(needs(permission))
      })

      return StaffOnly.of({
        bearer: (app, { endpoint }) =>
          // An endpoint that does not say what it needs ends here, with a defect.
          admit(Context.getUnsafe(endpoint.annotations, Needed), endpoint.path).pipe(
            Effect.orDie,
            Effect.flatMap((staff) => Effect.provideService(app, Staff, staff)),
          ),
      })
    }),
  )
}

const mayDo = ({ portal, roles, isGovernor }: Identity, permission: AdminPermission): boolean => {
  const rule: Rule = rules[permission]
  return (
    portal === "PP" &&
    rule.roles.some((role) => roles.includes(role)) &&
    (rule.governor === undefined || isGovernor)
  )
}

const needs = (permission: AdminPermission): string => {
  const rule: Rule = rules[permission]
  return rule.governor === undefined
    ? `This needs the role ${rule.roles.join(" or ")}.`
    : "This needs a Governor: an admin whose token has a governor_agent_id."
}
