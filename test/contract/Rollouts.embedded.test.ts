import { describe } from "@effect/vitest"
import { Layer } from "effect"
import * as PostgresRollouts from "../../layers/postgres/Rollouts.ts"
import { startedDatabase } from "../layers/postgres/StartedPglite.ts"
import { rolloutsContract } from "./Rollouts.ts"
import { rolloutsByHandContract } from "./RolloutsByHand.ts"

const world = Layer.provideMerge(PostgresRollouts.layer, startedDatabase)

describe("Rollouts in the embedded PostgreSQL", () => {
  rolloutsContract(world)
  rolloutsByHandContract(Layer.fresh(world))
})
