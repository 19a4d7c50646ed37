import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Problem } from "../../src/http/Problems.ts"
import { Recorded } from "../rollback/World.ts"
import { type Admin, world } from "./AdminUnderTest.ts"
import { act, disable, get, read, write } from "./FlagsAsked.ts"
import { awayFlags } from "./FlagsWorld.ts"

layer(world({ flags: awayFlags }), { excludeTestServices: true })(
  "While the database of the flags is away,",
  (it) => {
    it.effect("they are neither listed nor changed: 503", () =>
      Effect.gen(function* () {
        const attempts: ReadonlyArray<Effect.Effect<unknown, Problem, Admin>> = [
          get(""),
          get("/history"),
          write("customer-1"),
          disable("customer-1"),
          act("remove", "customer-1", { reason: "It is over.", version: "1" }),
        ]
        for (const attempt of attempts) {
          const { slug, headers } = yield* Effect.flip(attempt)
          assert.strictEqual(slug, "service-unavailable")
          assert.deepStrictEqual(headers, { "retry-after": "1" })
        }
        assert.isEmpty(yield* Recorded)
      }),
    )

    it.effect("what holds can still be read, and how well that is known", () =>
      Effect.gen(function* () {
        const { json } = yield* read("customer-1")
        assert.deepInclude(json, { row_known: false, row: null })
        assert.deepInclude(json["holds"], { to: "gateway", because: "default" })
        assert.deepInclude(yield* get("/status"), { state: "unknown", confirmed_at: null, age_seconds: null })
      }),
    )
  },
)
