import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import * as FlagFeed from "../../../layers/postgres/FlagFeed.ts"
import { Database, layerEmbedded } from "../../../layers/postgres/Database.ts"
import * as Port from "../../../src/flags/FlagFeed.ts"

describe("FlagFeed in the embedded PostgreSQL", () => {
  it.live("is opened by the first question to the database, and not by who waits or listens", () =>
    Effect.gen(function* () {
      const { listen, opened } = yield* Port.FlagFeed
      const { ask, probe, sql } = yield* Database
      yield* listen(Effect.die(new Error("Nothing was said.")))
      const waiting = yield* Effect.forkChild(opened)
      yield* Effect.yieldNow
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual((yield* probe).detail, "Starts with the first question.")
      const asking = yield* Effect.forkChild(ask(sql`SELECT 1`))
      yield* Fiber.join(waiting)
      yield* Fiber.interrupt(asking)
    }).pipe(Effect.provide(Layer.fresh(Layer.provideMerge(FlagFeed.layer, layerEmbedded)))),
  )
})
