import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { names, settingOf } from "../../src/config/Settings.ts"
import { productionFile, resolveEnv, resolveFrom, resolveProduction } from "./environment.ts"

const folder = new URL("faults/", import.meta.url)

/** A file says in its head what must be reported; the rest is the configuration, which has that one mistake. */
const cases = readdirSync(folder).map((file) => {
  const text = readFileSync(new URL(file, folder), "utf8")
  const head = (name: string) => new RegExp(`^# ${name}: (.*)$`, "m").exec(text)?.[1]
  const own = ConfigProvider.fromDotEnvContents(text, { preserveEmptyStrings: true })
  const provider =
    head("base") === "production"
      ? own.pipe(ConfigProvider.orElse(ConfigProvider.fromDotEnvContents(productionFile)))
      : own
  const expected = { variable: head("variable"), problem: head("problem"), fix: head("fix") }
  return { name: file.replace(/\.env$/, ""), provider, expected }
})

describe("a configuration with one mistake is refused with the variable, the problem and the fix", () => {
  it.effect.each(cases)("$name", ({ provider, expected }) =>
    Effect.gen(function* () {
      const { faults, message } = yield* Effect.flip(resolveFrom(provider))
      assert.deepStrictEqual(faults, [expected] as never) // a head that lacks a line must fail here
      assert.strictEqual(message, `${expected.variable}: ${expected.problem} ${expected.fix}`)
      for (const variable of names.filter((each) => settingOf(each).secret)) {
        const secret = (yield* provider.load([variable]))?.value
        if (secret !== undefined && secret !== "") assert.notInclude(message, secret)
      }
    }),
  )
})

describe("faults", () => {
  it.effect("the production configuration that the broken ones start from has none", () =>
    resolveProduction({}),
  )

  it.effect("all of them are told at once: wrong values, missing values and broken rules", () =>
    Effect.gen(function* () {
      const { faults, message } = yield* Effect.flip(
        resolveProduction({
          PORT: "eighty",
          PLANT_API_URL: "",
          JWT_SECRET_CP: "short",
          CORS_ORIGINS: "*",
          WORKERS: "2",
          REDIS_LAYER: "memory",
          JWKS_STALE_SECONDS: "1",
        }),
      )
      assert.deepStrictEqual(
        faults.map(({ variable }) => variable),
        ["PORT", "CORS_ORIGINS", "PLANT_API_URL", "JWT_SECRET_CP", "WORKERS", "JWKS_STALE_SECONDS"],
      )
      assert.lengthOf(message.split("\n"), 6)
    }),
  )

  it.effect("every faulty item of a list is named", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(resolveEnv({ TRUSTED_PROXIES: "10.0.0.0/8, nginx, 10.0.0.1/8" }))
      assert.include(message, '"nginx"')
      assert.include(message, '"10.0.0.1/8"')
      assert.notInclude(message, '"10.0.0.0/8"')
    }),
  )

  it.effect("a bare production start asks for everything it needs", () =>
    Effect.gen(function* () {
      const { faults } = yield* Effect.flip(resolveEnv({ GATEWAY_PROFILE: "production" }))
      assert.deepStrictEqual(
        faults.map(({ variable }) => variable),
        [
          "GATEWAY_TYPE",
          "PLANT_API_URL",
          "FLAGS_DEFAULT_ENABLED",
          "JWT_SECRET_CP",
          "JWT_SECRET_PP",
          "REDIS_URL",
          "OPA_URLS",
          "DATABASE_URL",
          "ENABLE_BUDGET_MIDDLEWARE",
          "ENABLE_AUDIT_MIDDLEWARE",
        ],
      )
    }),
  )

  it.effect("a missing setting is told together with the variable that looks like it", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(
        resolveProduction({ JWT_SECRET_CP: "", JWT_SECRT_CP: "cp-0123456789-0123456789-0123456789" }),
      )
      assert.match(message, /^JWT_SECRET_CP: It is not set/)
      assert.include(message, "JWT_SECRT_CP is not a setting of the gateway")
      assert.notInclude(message, "0123456789")
    }),
  )

  it.effect("a value with line breaks stays on one line, and a long one is cut", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(resolveEnv({ PORT: `80\n${"0".repeat(200)}` }))
      assert.lengthOf(message.split("\n"), 1)
      assert.isBelow(message.length, 250)
    }),
  )
})
