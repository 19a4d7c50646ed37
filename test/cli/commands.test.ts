import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { decodeJwt, jwtVerify } from "jose"
import { commandLine } from "./CommandLine.ts"

const secret = "0123456789-0123456789-0123456789-0123456789"

const gateway = (line: string, env: Readonly<Record<string, string>>) => commandLine(line.split(" "), env)

describe("gateway config check", () => {
  it.effect("says that a good configuration is valid", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* gateway("config check", {})
      assert.deepStrictEqual({ code, out, err }, { code: 0, out: "The configuration is valid.", err: "" })
    }),
  )

  it.effect("prints every fault on standard error and ends with exit code 2", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* gateway("config check", { PORT: "x", WORKERS: "x" })
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      assert.deepStrictEqual(
        err.split("\n").map((line) => line.split(":")[0]),
        ["The configuration has 2 faults", "WORKERS", "PORT"],
      )
    }),
  )

  it.effect("prints warnings on standard error and still calls the configuration valid", () =>
    Effect.gen(function* () {
      const { code, err } = yield* gateway("config check", { JWT_LEEWAY: "1" })
      assert.strictEqual(code, 0)
      assert.match(err, /^JWT_LEEWAY is not a setting/)
    }),
  )
})

describe("gateway serve", () => {
  it.effect("with a faulty configuration prints the same message and ends with exit code 2", () =>
    Effect.gen(function* () {
      const { code, err } = yield* gateway("serve", { PORT: "x" })
      assert.strictEqual(code, 2)
      assert.match(err, /^The configuration has a fault:\nPORT: "x" is not a port number/)
    }),
  )
})

describe("gateway config explain", () => {
  it.effect("prints a table", () =>
    Effect.gen(function* () {
      const { out } = yield* gateway("config explain", { PORT: "8080", JWT_SECRET_CP: secret })
      assert.match(out, /^SETTING +VALUE +ORIGIN +ABOUT$/m)
      assert.match(out, /^PORT +8080 +environment +Port of the portals/m)
      assert.match(out, /^JWT_SECRET_CP +<redacted> +environment /m)
      assert.notInclude(out, secret)
    }),
  )

  it.effect("prints JSON when asked", () =>
    Effect.gen(function* () {
      const { out } = yield* gateway("config explain --json", { JWT_SECRET_CP: secret })
      const rows: ReadonlyArray<{ setting: string; value: string; origin: string }> = JSON.parse(out)
      const find = (name: string) => rows.find(({ setting }) => setting === name)
      assert.deepInclude(find("JWT_SECRET_CP"), { value: "<redacted>", origin: "environment" })
      assert.deepInclude(find("JWT_SECRET_PP"), { value: "<redacted>", origin: "generated" })
      assert.notInclude(out, secret)
    }),
  )
})

/** The token's payload, when the secret signed it and it has not expired. */
const verify = (token: string) => Effect.promise(() => jwtVerify(token, new TextEncoder().encode(secret)))

describe("gateway token mint", () => {
  it.effect("prints only a token, signed with the portal's secret", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* gateway("token mint --portal PP", { JWT_SECRET_PP: secret })
      assert.deepStrictEqual({ code, err }, { code: 0, err: "" })
      const { iss, iat = 0, exp = 0 } = decodeJwt(out)
      assert.deepStrictEqual({ iss, lifetime: exp - iat }, { iss: "pp.waooaw.com", lifetime: 3600 })
      assert.match(out, /^[\w-]+\.[\w-]+\.[\w-]+$/)
    }),
  )

  it.live("says in it what the flags say", () =>
    Effect.gen(function* () {
      const { out } = yield* gateway(
        "token mint --portal CP --user u-1 --email u@example.com --roles customer_admin,governor --customer c-1 --trial --expires-in 60",
        { JWT_SECRET_CP: secret },
      )
      const { payload } = yield* verify(out)
      assert.deepInclude(payload, {
        user_id: "u-1",
        email: "u@example.com",
        roles: ["customer_admin", "governor"],
        customer_id: "c-1",
        trial_mode: true,
      })
      assert.strictEqual((payload.exp ?? 0) - (payload.iat ?? 0), 60)
    }),
  )

  it.effect("refuses in production", () =>
    Effect.gen(function* () {
      const env = { ENVIRONMENT: "production", JWT_SECRET_CP: secret }
      const { code, out, err } = yield* gateway("token mint --portal CP", env)
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "")
      assert.match(err, /development only/)
    }),
  )

  it.effect("refuses a secret that only it knows: a server would have generated another one", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* gateway("token mint --portal CP", { JWT_SECRET_PP: secret })
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "")
      assert.match(err, /^JWT_SECRET_CP is not set\./)
    }),
  )

  it.effect("refuses a portal whose tokens are not signed with a secret", () =>
    Effect.gen(function* () {
      const env = { JWT_JWKS_URL_CP: "https://id.waooaw.com/jwks.json" }
      const { code, err } = yield* gateway("token mint --portal CP", env)
      assert.strictEqual(code, 1)
      assert.match(err, /JWT_SECRET_CP/)
    }),
  )

  it.effect("refuses a lifetime that is none", () =>
    Effect.gen(function* () {
      const { code } = yield* gateway("token mint --portal CP --expires-in 0", { JWT_SECRET_CP: secret })
      assert.strictEqual(code, 1)
    }),
  )
})
