import { Effect, Effectable, Option } from "effect"
import { Exchange, type ExchangeShape } from "./Exchange.ts"

/**
 * Something one stage finds out about a request and inner stages read, by type: an application that reads a fact
 * needs it, and only the stage that establishes it takes the need away.
 *
 * It is kept in the request's `Exchange`. A service provided per request would do the same at two to four
 * microseconds each, and a request passes five (docs/decisions/0006).
 *
 * @example
 * interface Route { readonly _: unique symbol }
 * const Route = new Fact<Route, Match>("gateway/http/Route")
 * const inner = Route.use((match) => ...)              // needs Route
 * const outer = Route.provide(exchange, match)(inner)  // needs it no more
 */
export class Fact<Self, Value> extends Effectable.Class<Value, never, Self | Exchange> {
  readonly key: string

  constructor(key: string) {
    super()
    this.key = key
  }

  override asEffect(): Effect.Effect<Value, never, Self | Exchange> {
    return this.use((value) => Effect.succeed(value))
  }

  /** Reads it. The exchange comes along, because a stage that reads a fact mostly needs both. */
  use<A, E, R>(
    f: (value: Value, exchange: ExchangeShape) => Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E, R | Self | Exchange> {
    // Only `provide` writes under this fact, and it writes a Value.
    return Exchange.use((exchange) => f(exchange.facts.get(this) as Value, exchange))
  }

  /** Reads it where it may not have been established. */
  in(exchange: ExchangeShape): Option.Option<Value> {
    // As above.
    return exchange.facts.has(this) ? Option.some(exchange.facts.get(this) as Value) : Option.none()
  }

  /** Establishes it for `app`. */
  provide(exchange: ExchangeShape, value: Value) {
    exchange.facts.set(this, value)
    // What the application needs of it is there from here on.
    return <A, E, R>(app: Effect.Effect<A, E, R>) => app as Effect.Effect<A, E, Exclude<R, Self>>
  }
}
