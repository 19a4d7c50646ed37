import { Clock, Data, Deferred, Effect, Metric, Result, Scope, Stream } from "effect"
import { HttpClient } from "effect/http"
import { createLocalJWKSet, errors, type JWK } from "jose"
import type { Problem } from "../http/Problems.ts"
import { monotonicMillis } from "../primitives/MonotonicTime.ts"
import { identityUnavailable, invalidToken } from "./Refusals.ts"
import type { TokenHeader } from "./Token.ts"

export interface JwksOptions {
  readonly url: string
  /** Older keys still serve, and are fetched anew meanwhile. */
  readonly freshSeconds: number
  /** Older keys do not serve. */
  readonly staleSeconds: number
  /** From one fetch to the next at least, whatever asks for it and however the last one ended. */
  readonly cooldownSeconds: number
}

/** The public keys of one issuer (RFC 7517), held and renewed. */
export interface Jwks {
  /**
   * The key that the header asks for. Fails with `invalid-token` when the issuer has no such key, and with
   * `service-unavailable` when that cannot be known: the keys are too old, or the key is unknown and the last
   * fetch failed.
   */
  readonly find: (header: TokenHeader) => Effect.Effect<CryptoKey, Problem>
}

/** A set is a few kilobytes; what is larger than this is not read to its end. */
const maxBytes = 256 * 1024
const maxKeys = 100
const fetchTimeout = "5 seconds"

const fetches = Metric.counter("gateway_auth_jwks_fetches_total", {
  description: "Fetches of an issuer's key set, by outcome",
  incremental: true,
})

/**
 * Fetches run in the scope of the Layer, so that a request whose client leaves does not end a fetch that others
 * wait for; one runs at a time.
 */
export const makeJwks = Effect.fnUntraced(function* (options: JwksOptions) {
  const fetchKeys = fetchKeySet(yield* HttpClient.HttpClient, options.url)
  const scope = yield* Scope.Scope
  const freshMillis = options.freshSeconds * 1000
  const staleMillis = options.staleSeconds * 1000
  const cooldownMillis = options.cooldownSeconds * 1000

  let held: { readonly find: KeyFinder; readonly at: number } | undefined
  let failed = false
  let attemptedAt = Number.NEGATIVE_INFINITY
  let running: Deferred.Deferred<void> | undefined

  /**
   * Starts a fetch unless one runs or the cooldown forbids it; what it returns waits for the one that runs. From
   * the checks to the assignments nothing yields, so two callers never start two.
   */
  const refresh = Effect.uninterruptible(
    Effect.gen(function* () {
      const now = monotonicMillis(yield* Clock.Clock)
      if (running !== undefined) return Deferred.await(running)
      if (now - attemptedAt < cooldownMillis) return Effect.void
      attemptedAt = now
      const done = (running = Deferred.makeUnsafe<void>())
      yield* fetchKeys.pipe(
        Effect.matchCauseEffect({
          onSuccess: (find) => {
            held = { find, at: now }
            failed = false
            return Metric.update(Metric.withAttributes(fetches, { outcome: "ok" }), 1)
          },
          // Fails to the keys held, as long as they are not too old; then `find` fails closed.
          onFailure: (cause) => {
            failed = true
            return Effect.andThen(
              Metric.update(Metric.withAttributes(fetches, { outcome: "failed" }), 1),
              Effect.logWarning(`The keys at ${options.url} could not be fetched.`, cause),
            )
          },
        }),
        Effect.ensuring(
          Effect.suspend(() => {
            running = undefined
            return Deferred.succeed(done, undefined)
          }),
        ),
        Effect.forkIn(scope, { startImmediately: true }),
      )
      return Deferred.await(done)
    }),
  )

  const unavailable = (now: number): Problem =>
    identityUnavailable(
      "The issuer's keys cannot be reached, so the token cannot be verified.",
      (attemptedAt + cooldownMillis - now) / 1000,
    )

  const find = Effect.fnUntraced(function* (header: TokenHeader) {
    const clock = yield* Clock.Clock
    const age = (): number =>
      held === undefined ? Number.POSITIVE_INFINITY : monotonicMillis(clock) - held.at
    if (age() >= freshMillis) {
      const fetched = yield* refresh
      if (age() >= staleMillis) yield* fetched
    }
    if (held === undefined || age() >= staleMillis) return yield* unavailable(monotonicMillis(clock))
    const found = yield* held.find(header)
    if (found !== undefined) return found
    // The issuer may have begun to sign with a new key.
    yield* Effect.flatten(refresh)
    const renewed = yield* held.find(header)
    if (renewed !== undefined) return renewed
    return yield* failed
      ? unavailable(monotonicMillis(clock))
      : invalidToken("The token was signed with a key that its issuer does not have.")
  })

  return { find } satisfies Jwks
})

/** The key, or undefined when the set has none that fits the header's `kid` and `alg`. */
type KeyFinder = (header: TokenHeader) => Effect.Effect<CryptoKey | undefined, Problem>

const keyFinder = (keys: ReadonlyArray<JWK>): KeyFinder => {
  const resolve = createLocalJWKSet({ keys: [...keys] })
  return ({ alg, kid }) =>
    Effect.tryPromise({
      try: () => resolve(kid === undefined ? { alg } : { alg, kid }),
      catch: (cause) => cause,
    }).pipe(
      Effect.catch((cause) => {
        if (cause instanceof errors.JWKSNoMatchingKey) return Effect.succeed(undefined)
        return Effect.fail(
          cause instanceof errors.JWKSMultipleMatchingKeys
            ? invalidToken("The token does not say which of its issuer's keys signed it.")
            : invalidToken("The token was signed with a key that cannot be used.", cause),
        )
      }),
    )
}

/** Any failure: no answer in time, another status than 200 (redirects are not followed), too large, or no key set. */
const fetchKeySet = (client: HttpClient.HttpClient, url: string) =>
  client.get(url, { headers: { accept: "application/jwk-set+json, application/json" } }).pipe(
    Effect.flatMap((response) =>
      response.status === 200
        ? response.stream.pipe(
            Stream.mapError((cause) => unusable(`Its body broke off: ${cause.message}`)),
            Stream.limitBytes(maxBytes, () => Stream.fail(unusable(`It is larger than ${maxBytes} bytes.`))),
            Stream.decodeText,
            Stream.mkString,
          )
        : Effect.fail(unusable(`The status is ${response.status}.`)),
    ),
    Effect.flatMap((text) => Effect.fromResult(readKeySet(text))),
    Effect.timeout(fetchTimeout),
    Effect.provideService(HttpClient.TracerPropagationEnabled, false),
  )

class UnusableKeySet extends Data.TaggedError("UnusableKeySet")<{ readonly message: string }> {}
const unusable = (message: string) => new UnusableKeySet({ message })

/**
 * Keeps the public signature keys alone: a symmetric key has no place in a published set. A set without any is
 * taken for a fault of the issuer's, for believing it would sign everybody out.
 */
const readKeySet = (text: string): Result.Result<KeyFinder, UnusableKeySet> =>
  Result.try({
    try: () => {
      const parsed: unknown = JSON.parse(text)
      const keys = isObject(parsed) && Array.isArray(parsed["keys"]) ? parsed["keys"].filter(isPublicKey) : []
      if (keys.length === 0) throw unusable("It holds no public key.")
      if (keys.length > maxKeys) throw unusable(`It holds more than ${maxKeys} keys.`)
      return keyFinder(keys)
    },
    catch: (cause) =>
      cause instanceof UnusableKeySet ? cause : unusable(`It is no key set: ${String(cause)}`),
  })

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const publicKeyTypes: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"])
const isPublicKey = (value: unknown): value is JWK =>
  isObject(value) && publicKeyTypes.has(value["kty"]) && value["d"] === undefined
