import { Effect, Option, Schema } from "effect"
import { HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { PolicyEngine } from "../policy/PolicyEngine.ts"
import { type ShadowFindings, ShadowReport } from "../policy/ShadowReport.ts"
import { adminBase, commonProblems, Instant, instantOf } from "./AdminBase.ts"
import { restricted, StaffOnly } from "./Staff.ts"

/** Of a policy that has decided nothing yet, null. */
const Revision = Schema.NullOr(Schema.String)

/** What the second policy would have done, in the instance that answers. */
const Findings = Schema.Struct({
  revision: Revision,
  since: Instant,
  sampled: Schema.Int,
  disagreements: Schema.Int,
  by_rule: Schema.Record(Schema.String, Schema.Int),
  examples: Schema.Array(
    Schema.Struct({
      at: Instant,
      portal: Schema.Literals(["CP", "PP"]),
      method: Schema.String,
      route: Schema.String,
      roles: Schema.Array(Schema.String),
      active: Schema.String,
      shadow: Schema.String,
    }),
  ),
})

/** Who decides, and what the policy in shadow mode would have decided (SPEC 6). */
export const policy = HttpApiGroup.make("policy")
  .add(
    HttpApiEndpoint.get("read", "/_gateway/policy", {
      success: Schema.Struct({ layer: Schema.Literals(["http", "wasm"]), revision: Revision }),
      error: commonProblems,
    }).annotateMerge(restricted("policy.read", "Where the policies are evaluated, and which revision")),
    HttpApiEndpoint.get("shadow", "/_gateway/policy/shadow", {
      success: Schema.Struct({ shadow: Schema.NullOr(Findings) }),
      error: commonProblems,
    }).annotateMerge(
      restricted("policy.read", "What the policy in shadow mode would have decided; null when there is none"),
    ),
  )
  .middleware(StaffOnly)

/** The handlers of the group, over the ports. */
export const layer = HttpApiBuilder.group(
  adminBase.add(policy),
  "policy",
  Effect.fnUntraced(function* (handlers) {
    const { policy: settings } = yield* GatewayConfig
    const { revision } = yield* PolicyEngine
    const { read } = yield* ShadowReport

    return handlers
      .handle("read", () => Effect.sync(() => ({ layer: settings.layer, revision: revision() ?? null })))
      .handle("shadow", () =>
        Effect.map(read, (findings) => ({ shadow: Option.getOrNull(Option.map(findings, viewOf)) })),
      )
  }),
)

const viewOf = ({ revision, since, byRule, examples, ...counts }: ShadowFindings): typeof Findings.Type => ({
  ...counts,
  revision: revision ?? null,
  since: instantOf(since),
  by_rule: byRule,
  examples: examples.map(({ at, ...example }) => ({ ...example, at: instantOf(at) })),
})
