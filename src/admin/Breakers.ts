import { Clock, Duration, Effect, Option, Schema } from "effect"
import { HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Problem } from "../http/Problems.ts"
import { Breakers, type BreakerStatus } from "../rollback/Breakers.ts"
import { adminBase, commonProblems, Instant, instantOf, Reason } from "./AdminBase.ts"
import { forcedMinutes } from "./Bounds.ts"
import { problemSchemas } from "./ProblemSchemas.ts"
import { restricted, Staff, StaffOnly } from "./Staff.ts"

const ForcedState = Schema.Literals(["open", "closed"])

/** A circuit breaker as the admin API shows it; `state` and `since` are those of the instance that answers. */
export const BreakerView = Schema.Struct({
  dependency: Schema.String,
  state: Schema.Literals(["closed", "open", "half-open"]),
  since: Instant,
  forced: Schema.NullOr(
    Schema.Struct({
      state: ForcedState,
      reason: Schema.String,
      by: Schema.String,
      since: Instant,
      until: Instant,
    }),
  ),
})

const params = { dependency: Schema.String }
const unlessUnknown = [...commonProblems, problemSchemas["not-found"]] as const

/** The circuit breakers, and an operator's word over them (SPEC 6). */
export const breakers = HttpApiGroup.make("breakers")
  .add(
    HttpApiEndpoint.get("list", "/_gateway/breakers", {
      success: Schema.Struct({ breakers: Schema.Array(BreakerView) }),
      error: commonProblems,
    }).annotateMerge(restricted("breakers.read", "The breakers of the instance that answers")),
    HttpApiEndpoint.post("force", "/_gateway/breakers/:dependency/force", {
      params,
      payload: Schema.Struct({
        state: ForcedState,
        reason: Reason,
        minutes: Schema.Int.check(Schema.isBetween(forcedMinutes)),
      }),
      success: BreakerView,
      error: [...unlessUnknown, problemSchemas["payload-too-large"]],
    }).annotateMerge(
      restricted("breakers.force", "Force one open or closed on every instance, until the time is over"),
    ),
    HttpApiEndpoint.delete("release", "/_gateway/breakers/:dependency/force", {
      params,
      success: BreakerView,
      error: unlessUnknown,
    }).annotateMerge(restricted("breakers.force", "Let it judge for itself again, on every instance")),
  )
  .middleware(StaffOnly)

/** The handlers of the group, over the port, which puts on record what operators say. */
export const layer = HttpApiBuilder.group(
  adminBase.add(breakers),
  "breakers",
  Effect.fnUntraced(function* (handlers) {
    const port = yield* Breakers

    /** Says it, also when the caller has gone away meanwhile; then how the breaker stands, if there is one. */
    const say = Effect.fnUntraced(function* (dependency: string, word: Effect.Effect<boolean>) {
      const known = yield* Effect.uninterruptible(word)
      const status = (yield* port.list).find((breaker) => breaker.dependency === dependency)
      return known && status !== undefined ? viewOf(status) : yield* noSuch
    })

    return handlers
      .handle("list", () => Effect.map(port.list, (all) => ({ breakers: all.map(viewOf) })))
      .handle("force", ({ params: { dependency }, payload: { state, reason, minutes } }) =>
        Effect.gen(function* () {
          const { identity } = yield* Staff
          const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(Duration.minutes(minutes))
          const word = { state, reason, by: identity.userId, until }
          return yield* say(dependency, port.force(dependency, word))
        }).pipe(Effect.orDie),
      )
      .handle("release", ({ params: { dependency } }) =>
        Effect.gen(function* () {
          const { identity } = yield* Staff
          return yield* say(dependency, port.release(dependency, identity.userId))
        }).pipe(Effect.orDie),
      )
  }),
)

const viewOf = ({ dependency, state, since, forced }: BreakerStatus): typeof BreakerView.Type => ({
  dependency,
  state,
  since: instantOf(since),
  forced: Option.getOrNull(
    Option.map(forced, (word) => ({
      state: word.state,
      reason: word.reason,
      by: word.by,
      since: instantOf(word.since),
      until: instantOf(word.until),
    })),
  ),
})

const noSuch = new Problem({ slug: "not-found", detail: "There is no circuit breaker for this dependency." })
