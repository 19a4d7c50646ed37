import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { explain } from "../../src/config/Explain.ts"
import { names } from "../../src/config/Settings.ts"
import { resolveEnv, resolveProduction } from "./environment.ts"

describe("explain", () => {
  it.effect("has one row for every setting, with its value, origin and meaning", () =>
    Effect.gen(function* () {
      const rows = explain(yield* resolveEnv({ PORT: "8080" }))
      assert.deepStrictEqual(
        rows.map(({ setting }) => setting),
        [...names],
      )
      const about = (name: string) => rows.find(({ setting }) => setting === name)
      assert.deepInclude(about("PORT"), { value: "8080", origin: "environment" })
      assert.deepInclude(about("HOST"), { value: "127.0.0.1", origin: "profile default" })
      assert.deepInclude(about("MAX_BODY_BYTES"), { value: "10 MiB", origin: "default" })
      assert.deepInclude(about("JWT_ALGORITHMS_CP"), { value: "HS256", origin: "default" })
      assert.deepInclude(about("REDIS_URL"), { value: null, origin: "default" })
      for (const row of rows) assert.match(row.about, /^[A-Z].*\.$/)
    }),
  )

  it.effect("redacts secrets, stated and generated", () =>
    Effect.gen(function* () {
      const stated = explain(yield* resolveProduction({}))
      const generated = yield* resolveEnv({})
      const text = JSON.stringify([stated, explain(generated)])
      for (const secret of [
        "cp-0123456789-0123456789-0123456789",
        "password-of-redis",
        Redacted.value(Option.getOrThrow(generated.settings.auth.issuers.CP.secret)),
      ]) {
        assert.notInclude(text, secret)
      }
      assert.deepInclude(
        stated.find(({ setting }) => setting === "JWT_SECRET_CP"),
        { value: "<redacted>", origin: "environment" },
      )
    }),
  )
})
