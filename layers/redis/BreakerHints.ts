import { Clock, Effect, Layer, Option, Queue, Schedule, Schema } from "effect"
import { Redis } from "effect/persistence"
import { type BreakerHint, BreakerHints, BreakerHintsUnavailable } from "../../src/rollback/BreakerHints.ts"

const channel = "gateway:breakers"
/** What is forced, by dependency: one hash and not a key for each, for a cluster cannot list keys. */
const keptKey = "gateway:breakers:forced"

/** How soon a subscription that could not be made is tried again, and how soon a word is heard whose message was lost. */
const everySecond = Schedule.spaced("1 second")

/** Milliseconds since the epoch, as far as a `Date` goes. */
const Millis = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 8.64e15 }))

/** What is published, and kept. */
const Message = Schema.fromJsonString(
  Schema.Union([
    Schema.Struct({ kind: Schema.Literals(["opened", "closed"]), dependency: Schema.String }),
    Schema.Struct({
      kind: Schema.Literal("forced"),
      dependency: Schema.String,
      at: Millis,
      forced: Schema.OptionFromNullOr(
        Schema.Struct({
          state: Schema.Literals(["open", "closed"]),
          reason: Schema.String,
          by: Schema.String,
          since: Millis,
          until: Millis,
        }),
      ),
    }),
  ]),
)
const encode = Schema.encodeSync(Message)
const decode = Schema.decodeUnknownEffect(Message)

/**
 * Keeps an operator's word and publishes it in one step. An earlier word than the one kept is not kept. A release
 * takes the place of what it releases, so that who missed it can tell it from a Redis that lost its data.
 */
const say = Redis.script(
  (dependency: string, at: number, keepMillis: number, message: string) => [
    keptKey,
    channel,
    dependency,
    at,
    keepMillis,
    message,
  ],
  {
    numberOfKeys: 1,
    lua: `
local kept = redis.call('HGET', KEYS[1], ARGV[2])
local keepMillis = tonumber(ARGV[4])
local isLater = not kept or cjson.decode(kept).at < tonumber(ARGV[3])
if isLater and (kept or keepMillis > 0) then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[5])
  if keepMillis > redis.call('PTTL', KEYS[1]) then redis.call('PEXPIRE', KEYS[1], keepMillis) end
end
return redis.call('PUBLISH', ARGV[1], ARGV[5])`,
  },
).withReturnType<number>()

/** By publishing in Redis. Messages are lost while an instance is away from it; what is forced is read again. */
export const layer = Layer.effect(
  BreakerHints,
  Effect.gen(function* () {
    const redis = yield* Redis.Redis
    const clock = yield* Clock.Clock
    const sayOnce = redis.eval(say)

    const send = (hint: BreakerHint): Effect.Effect<unknown, Redis.RedisError> => {
      const message = encode(hint)
      if (hint.kind !== "forced") return redis.send("PUBLISH", channel, message)
      const keepMillis = Option.match(hint.forced, {
        onNone: () => 0,
        onSome: ({ until }) => Math.max(0, Math.ceil(until - clock.currentTimeMillisUnsafe())),
      })
      return sayOnce(hint.dependency, hint.at, keepMillis, message)
    }

    const isOver = (hint: BreakerHint): boolean =>
      hint.kind === "forced" &&
      Option.exists(hint.forced, ({ until }) => until <= clock.currentTimeMillisUnsafe())

    return BreakerHints.of({
      publish: (hint) =>
        send(hint).pipe(
          Effect.mapError((cause) => new BreakerHintsUnavailable({ cause })),
          Effect.asVoid,
        ),
      listen: Effect.fnUntraced(function* (heard) {
        let unreadable = ""
        const read = (message: string) =>
          Effect.matchEffect(decode(message), {
            onSuccess: (hint) => (isOver(hint) ? Effect.void : heard(hint)),
            onFailure: (cause) => {
              // What is kept is read every second; one line says it.
              if (message === unreadable) return Effect.void
              unreadable = message
              return Effect.logWarning(
                "A message about circuit breakers is not readable; it is ignored.",
                cause,
              )
            },
          })
        const readKept = Effect.flatMap(redis.send<ReadonlyArray<string>>("HVALS", keptKey), (messages) =>
          Effect.forEach(messages, read, { discard: true }),
        )
        const follow = Effect.scoped(
          Effect.gen(function* () {
            const messages = yield* redis.subscribe(channel)
            yield* readKept
            return yield* Effect.forever(Effect.flatMap(Queue.take(messages), ({ message }) => read(message)))
          }),
        )
        // Once before the start goes on, if Redis is there: an instance must not begin with calls that are forbidden.
        yield* Effect.ignore(readKept)
        yield* Effect.forkScoped(Effect.retry(follow, everySecond))
        yield* Effect.forkScoped(Effect.repeat(Effect.ignore(readKept), everySecond))
      }),
    })
  }),
)
