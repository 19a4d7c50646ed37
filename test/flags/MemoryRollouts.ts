import { Effect, Layer, Option } from "effect"
import { FlagsUnavailable } from "../../src/flags/FlagFeed.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"
import { type InstanceSamples, type RolloutEvent, Rollouts } from "../../src/flags/Rollouts.ts"
import { bySpan, total } from "../../src/flags/Samples.ts"

/** A rollout on record in this process, which several instances may share. */
export class RolloutStore {
  /** `hangs`: fails after a second. `answers-lost`: does what it is asked, and fails. `dies`: as nobody expects. */
  state: "there" | "away" | "hangs" | "answers-lost" | "dies" = "there"
  /** How many questions it has had. */
  asked = 0
  readonly events: Array<RolloutEvent> = []
  readonly #samples = new Map<string, InstanceSamples>()
  readonly #tell: (rollout: Rollout) => Effect.Effect<void>

  /** `tell` is told of each change. */
  constructor(tell: (rollout: Rollout) => Effect.Effect<void> = () => Effect.void) {
    this.#tell = tell
  }

  get current(): Option.Option<Rollout> {
    return Option.map(Option.fromUndefinedOr(this.events.at(-1)), ({ after }) => after)
  }

  readonly #answer = <A>(answer: Effect.Effect<A>): Effect.Effect<A, FlagsUnavailable> =>
    Effect.suspend(() => {
      this.asked++
      const { state } = this
      const away = Effect.fail(new FlagsUnavailable({ cause: "It is away." }))
      if (state === "away") return away
      if (state === "dies") return Effect.die(new Error("This is a fault in a program."))
      if (state === "hangs") return Effect.delay(away, "1 second")
      return Effect.flatMap(answer, (answered) => (state === "there" ? Effect.succeed(answered) : away))
    })

  readonly rollouts = Rollouts.of({
    change: (event) =>
      this.#answer(
        Effect.suspend(() => {
          const [current, read] = [this.current, event.before].map(versionOf)
          if (current !== read) return Effect.succeed(false)
          this.events.push({ ...event, before: this.current })
          return Effect.as(this.#tell(event.after), true)
        }),
      ),
    history: (limit) => this.#answer(Effect.sync(() => this.events.toReversed().slice(0, limit))),
    tell: (samples) =>
      this.#answer(Effect.sync(() => void this.#samples.set(`${samples.step} ${samples.instance}`, samples))),
    seen: (step, since) =>
      this.#answer(
        Effect.sync(() =>
          bySpan((span) =>
            total(
              [...this.#samples.values()]
                .filter((samples) => samples.step === step && samples.until >= since[span])
                .map(({ seen }) => seen[span]),
            ),
          ),
        ),
      ),
  })
}

const versionOf = (rollout: Option.Option<Rollout>) =>
  Option.getOrUndefined(Option.map(rollout, ({ version }) => version))

export const layer = Layer.sync(Rollouts, () => new RolloutStore().rollouts)
