import { Effect, Effectable, Option } from "effect"
import { Exchange } from "./Exchange.ts"

/**
 * Something one stage finds out about a request and inner stages read, by type: an application that yields a fact
 * needs it, and only the stage that establishes it takes the need away.
 *
 * It is kept in the request's `Exchange`. A service provided per request would do the same, at two to four
 * microseconds each (docs/decisions/0006); a request passes five of them.
 *
 * @example
 * interface Route { readonly _: unique symbol }
 * const Route = new Fact<Route, Match>("gateway/http/Route")
 * const outer = Route.provide(match)(inner) // inner may `yield* Route`
 */
export class Fact<Self, Value> extends Effectable.Class<Value, never, Self> {
  readonly key: string
  readonly #read: Effect.Effect<Value, never, Self>
  /** For a reader that stands also where nobody established it. */
  readonly option: Effect.Effect<Option.Option<Value>, never, Exchange>
  /** The same, for who holds the exchange. */
  readonly in: (exchange: Exchange["Service"]) => Option.Option<Value>

  constructor(key: string) {
    super()
    this.key = key
    // Only `provide` writes under this fact, and it writes a Value.
    const find = (exchange: Exchange["Service"]) => exchange.facts.get(this) as Value
    this.#read = Effect.map(Exchange, find) as Effect.Effect<Value, never, never>
    this.in = (exchange) => (exchange.facts.has(this) ? Option.some(find(exchange)) : Option.none())
    this.option = Effect.map(Exchange, this.in)
  }

  override asEffect(): Effect.Effect<Value, never, Self> {
    return this.#read
  }

  /** Establishes the fact for `app`. */
  provide(
    value: Value,
  ): <A, E, R>(app: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Self> | Exchange> {
    return <A, E, R>(app: Effect.Effect<A, E, R>) =>
      Effect.flatMap(Exchange, (exchange) => {
        exchange.facts.set(this, value)
        // What the application reads of it is there now.
        return app as Effect.Effect<A, E, Exclude<R, Self>>
      })
  }
}
