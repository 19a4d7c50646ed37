import { Context, Deferred, Effect, Exit, Layer, Option, Redacted } from "effect"
import { Redis } from "effect/persistence"
import { Cluster, Redis as SingleClient } from "ioredis"
import { ConfigFaults } from "../../src/config/ConfigFaults.ts"
import { GatewayConfig } from "../../src/config/GatewayConfig.ts"
import { Lifecycle } from "../../src/http/Lifecycle.ts"
import { readRedisUrl, type RedisAddress } from "./RedisUrl.ts"

/** The one connection to Redis, for layers that need ioredis itself. */
export class IoRedis extends Context.Service<IoRedis, SingleClient | Cluster>()("gateway/redis/IoRedis") {}

/** A command without an answer fails after this many milliseconds, also when Redis hangs. */
const commandTimeout = 500
/** A connection that is owed an answer for this long is given up and made anew. */
const socketTimeout = 2000
const connectTimeout = 1000
/** How long a start waits for Redis before it goes on without. */
const startWait = "1 second"

/**
 * `IoRedis`, and the `Redis` of `effect/persistence` on the same connection.
 *
 * No command is ever queued for a Redis that is away: it fails at once. The connection comes back by itself, within
 * a second of Redis; and the start does not need Redis, so that an outage and a deployment can meet.
 */
export const layerUrl = (url: Redacted.Redacted) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const address = readRedisUrl(Redacted.value(url))
      if (typeof address === "string")
        return yield* ConfigFaults.of({ variable: "REDIS_URL", problem: address, fix: "Correct it." })
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => open(address, { commandTimeout, socketTimeout, reconnects: true })),
        close,
      )
      yield* reportTransitions(client)
      yield* Effect.timeoutOrElse(untilReady(client), {
        duration: startWait,
        orElse: () => Effect.logWarning("Redis does not answer; starting without it."),
      })
      const redis = yield* Redis.make({
        send: send(client),
        // Blocking commands wait as long as they ask to, so these connections have no time limit of their own.
        connect: Effect.map(connected(address, { reconnects: false }), (reserved) => ({
          send: send(reserved),
          close: Effect.sync(() => reserved.disconnect()),
        })),
        subscribe: Effect.fnUntraced(function* (channel, onMessage) {
          const ended = yield* Deferred.make<void, Redis.RedisError>()
          const subscriber = yield* Effect.acquireRelease(
            connected(address, { reconnects: true }),
            (opened) => Effect.sync(() => opened.disconnect()),
          )
          subscriber.on("message", (from: string, message: string) => onMessage({ channel: from, message }))
          subscriber.on("end", () => Deferred.doneUnsafe(ended, Exit.fail(failure("The subscriber ended."))))
          yield* Effect.tryPromise({ try: () => subscriber.subscribe(channel), catch: failure })
          return Deferred.await(ended)
        }),
      })
      return Context.make(Redis.Redis, redis).pipe(Context.add(IoRedis, client))
    }),
  )

/** By `REDIS_URL`. */
export const layer = Layer.unwrap(
  Effect.gen(function* () {
    const { redis } = yield* GatewayConfig
    if (Option.isSome(redis.url)) return Layer.provideMerge(watched, layerUrl(redis.url.value))
    return yield* ConfigFaults.of({
      variable: "REDIS_URL",
      problem: "It is not set, and REDIS_LAYER=ioredis needs it.",
      fix: "Set it, for example to redis://127.0.0.1:6379.",
    })
  }),
)

/** A line of its own in `/ready`. */
const watched = Layer.effectDiscard(
  Effect.gen(function* () {
    const client = yield* IoRedis
    const { watch } = yield* Lifecycle
    yield* watch(
      Effect.match(
        Effect.tryPromise(() => client.ping()),
        {
          onSuccess: () => ({ name: "redis", status: "up", detail: "Answered." }),
          onFailure: () => ({ name: "redis", status: "down", detail: "Did not answer." }),
        },
      ),
    )
  }),
)

const failure = (cause: unknown): Redis.RedisError => new Redis.RedisError({ cause })

interface Limits {
  readonly commandTimeout?: number
  readonly socketTimeout?: number
  readonly reconnects: boolean
}

const open = (address: RedisAddress, { reconnects, ...timeouts }: Limits): SingleClient | Cluster => {
  const retryStrategy = reconnects ? (times: number) => Math.min(50 * 2 ** (times - 1), 1000) : null
  const common = {
    ...timeouts,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
    connectTimeout,
    // Together: what was sent when the connection broke fails at once and is not sent again, for it may have run.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    replyMapping: "legacy" as const,
    // A demoted master answers READONLY; connecting anew finds the new one.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
  }
  const endpoints = address.endpoints.map(({ host, port }) => ({ host, port }))
  const client =
    address.kind === "cluster"
      ? new Cluster(endpoints, {
          redisOptions: common,
          clusterRetryStrategy: retryStrategy,
          enableOfflineQueue: false,
          maxRedirections: 3,
          slotsRefreshTimeout: connectTimeout,
          // Under TLS the name must reach the handshake, so it is not resolved before.
          ...(address.tls ? { dnsLookup: (host, found) => found(null, host) } : {}),
        })
      : new SingleClient({
          ...common,
          db: address.db,
          retryStrategy,
          enableOfflineQueue: false,
          ...(address.kind === "sentinel"
            ? { sentinels: endpoints, name: address.masterName ?? "", enableTLSForSentinelMode: address.tls }
            : endpoints[0]),
        })
  // Without a listener node throws it; the state shows in `ready` and `close`, the reason in each failed command.
  client.on("error", () => {})
  return client
}

/** Lets what is under way finish; a Redis that hangs is not waited for longer than one command. */
const close = (client: SingleClient | Cluster) =>
  Effect.promise(() =>
    client.quit().then(
      () => undefined,
      () => client.disconnect(),
    ),
  )

const untilReady = (client: SingleClient | Cluster) =>
  Effect.callback<void>((resume) => {
    if (client.status === "ready") return resume(Effect.void)
    const ready = () => resume(Effect.void)
    client.once("ready", ready)
    return Effect.sync(() => client.off("ready", ready))
  })

/** A connection of its own, ready to use, or none. */
const connected = (address: RedisAddress, limits: Limits) =>
  Effect.suspend(() => {
    const client = open(address, limits)
    return untilReady(client).pipe(
      Effect.timeoutOrElse({
        duration: startWait,
        orElse: () => Effect.fail(failure("Redis does not answer.")),
      }),
      Effect.onError(() => Effect.sync(() => client.disconnect())),
      Effect.as(client),
    )
  })

const send =
  (client: SingleClient | Cluster): Redis.Redis["Service"]["send"] =>
  <A>(command: string, ...args: ReadonlyArray<string>) =>
    Effect.tryPromise({
      try: () => {
        // A script is loaded to every node of a cluster, for its key decides where it will run.
        const reply =
          client instanceof Cluster && command === "SCRIPT"
            ? Promise.all(client.nodes("master").map((node) => node.call(command, ...args))).then(
                ([first]) => first,
              )
            : client.call(command, ...args)
        // The caller names the type of the reply; that is how `Redis` is typed.
        return reply as Promise<A>
      },
      catch: failure,
    })

const reportTransitions = Effect.fnUntraced(function* (client: SingleClient | Cluster) {
  const run = Effect.runForkWith(yield* Effect.context())
  let up = false
  const ready = () => {
    if (!up) run(Effect.logInfo("Redis is connected."))
    up = true
  }
  const lost = () => {
    if (up) run(Effect.logWarning("The connection to Redis is lost; it is being made anew."))
    up = false
  }
  client.on("ready", ready).on("close", lost)
  yield* Effect.addFinalizer(() => Effect.sync(() => client.off("ready", ready).off("close", lost)))
})
