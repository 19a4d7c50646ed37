import { Effect, Layer, Option } from "effect"
import { GatewayConfig } from "../src/config/GatewayConfig.ts"
import { FlagFeed } from "../src/flags/FlagFeed.ts"
import { FlagStore } from "../src/flags/FlagStore.ts"
import { KeptFlags } from "../src/flags/KeptFlags.ts"
import { Rollouts } from "../src/flags/Rollouts.ts"
import { Approvals } from "../src/policy/Approvals.ts"
import * as FileKeptFlags from "./file/KeptFlags.ts"
import * as PostgresApprovals from "./postgres/Approvals.ts"
import * as Database from "./postgres/Database.ts"
import * as PostgresFlagFeed from "./postgres/FlagFeed.ts"
import * as PostgresFlagStore from "./postgres/FlagStore.ts"
import * as PostgresRollouts from "./postgres/Rollouts.ts"

const inDatabase = Layer.mergeAll(
  PostgresApprovals.layer,
  PostgresFlagFeed.layer,
  PostgresFlagStore.layer,
  PostgresRollouts.layer,
).pipe(Layer.provide(Database.layer))

const nowhere = Layer.mergeAll(
  Approvals.layerOff,
  FlagFeed.layerOff,
  FlagStore.layerOff,
  Rollouts.layerOff,
  KeptFlags.layerOff,
)

/**
 * What is kept in PostgreSQL, and on this machine for when it is away; nothing where no database is named, which a start
 * allows while nobody is identified and no policy asked.
 */
export const layer = Layer.unwrap(
  Effect.map(GatewayConfig, ({ postgres }) =>
    postgres.layer === "embedded"
      ? Layer.merge(inDatabase, KeptFlags.layerOff)
      : Option.isSome(postgres.url)
        ? Layer.merge(inDatabase, FileKeptFlags.layer)
        : nowhere,
  ),
)
