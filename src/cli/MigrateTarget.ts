import { ConfigProvider, Effect, Layer, Option } from "effect"
import * as Objects from "../../layers/Objects.ts"
import * as Pg from "../../layers/postgres/Pg.ts"
import { GatewayConfig } from "../config/GatewayConfig.ts"
import { type Name, names } from "../config/Settings.ts"
import { findSources } from "../config/Sources.ts"
import { reportFaults, resolved } from "./Config.ts"
import { refuse } from "./Refusal.ts"

/** All that is read of the environment. */
const wanted: ReadonlySet<Name> = new Set<Name>([
  "GATEWAY_PROFILE",
  "POSTGRES_LAYER",
  "DATABASE_URL",
  "OBJECT_STORE_LAYER",
  "OBJECT_STORE_DIR",
  "OBJECT_STORE_BUCKET",
  "OBJECT_STORE_ENDPOINT",
])

/**
 * The configuration of an operator's machine, which may have nothing but a database and an object store. Those are what
 * a gateway in this environment has; for all else, which is not read here, it has the defaults of the embedded profile,
 * which ask for nothing.
 */
const settings = Effect.gen(function* () {
  const ambient = yield* ConfigProvider.ConfigProvider
  const { profile, sources } = yield* reportFaults(findSources(ambient))
  const texts = new Map<string, string>(
    [...sources].flatMap(([name, { text }]) => (wanted.has(name) ? [[name, text]] : [])),
  )
  // Its defaults are among the texts, and it would ask for more.
  if (profile === "production") texts.delete("GATEWAY_PROFILE")
  // Who names a database means that one, whatever a profile has without.
  if (sources.get("POSTGRES_LAYER")?.origin !== "environment" && texts.has("DATABASE_URL"))
    texts.set("POSTGRES_LAYER", "pg")
  const known: ReadonlySet<unknown> = new Set(names)
  const narrowed = ConfigProvider.make((path) => {
    if (path.length !== 1 || !known.has(path[0])) return ambient.load(path)
    const text = texts.get(String(path[0]))
    return Effect.succeed(text === undefined ? undefined : ConfigProvider.makeValue(text))
  })
  return (yield* Effect.provideService(resolved, ConfigProvider.ConfigProvider, narrowed)).settings
})

/** Runs it with the database of `DATABASE_URL` and the object store of this environment. */
export const withDatabase = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
  const config = yield* settings
  const { layer, url } = config.postgres
  if (layer === "embedded" || Option.isNone(url))
    return yield* refuse(
      "POSTGRES_LAYER is embedded: that PostgreSQL begins and ends with its gateway, and always has all migrations. Set " +
        "DATABASE_URL to the database that is meant, and POSTGRES_LAYER to pg or to nothing.",
      1,
    )
  const world = Layer.merge(Objects.layer, Pg.layerUrl(url.value, 1)).pipe(
    Layer.provide(Layer.succeed(GatewayConfig, config)),
  )
  return yield* reportFaults(Effect.provide(work, world))
})
