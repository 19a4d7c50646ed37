import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { startHttpServer } from "../HttpServer.ts"
import { until } from "../Until.ts"

const entry = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

/** Runs the command as a process of its own, with this environment and no other. */
const gateway = (args: ReadonlyArray<string>, env: Record<string, string>) =>
  Effect.callback<{ readonly code: number | null; readonly out: string; readonly err: string }>((resume) => {
    const child = execFile(process.execPath, [entry, ...args], { env }, (_, out, err) =>
      resume(Effect.succeed({ code: child.exitCode, out, err })),
    )
    return Effect.sync(() => child.kill())
  })

// A process loads the whole gateway, which takes a while on a busy machine.
describe.concurrent("the gateway command as a process", { timeout: 30_000 }, () => {
  it.live("ends with exit code 2 and one message when the configuration has faults", () =>
    Effect.gen(function* () {
      const env = { GATEWAY_PROFILE: "production", PORT: "eighty", JWT_SECRET_CP: "not-long-enough" }
      const { code, out, err } = yield* gateway(["serve"], env)
      assert.strictEqual(code, 2)
      assert.strictEqual(out, "")
      assert.deepStrictEqual(
        err
          .trim()
          .split("\n")
          .map((line) => line.split(":")[0]),
        [
          "The configuration has 10 faults",
          "GATEWAY_TYPE",
          "PORT",
          "PLANT_API_URL",
          "JWT_SECRET_CP",
          "FLAGS_DEFAULT_ENABLED",
          "REDIS_URL",
          "OPA_URLS",
          "DATABASE_URL",
          "ENABLE_BUDGET_MIDDLEWARE",
          "ENABLE_AUDIT_MIDDLEWARE",
        ],
      )
      assert.notInclude(err, "not-long-enough")
    }),
  )

  it.live("says once, without a stack, why a token cannot be made", () =>
    Effect.gen(function* () {
      const { code, out, err } = yield* gateway(["token", "mint", "--portal", "CP"], {})
      assert.strictEqual(code, 1)
      assert.strictEqual(out, "")
      assert.match(err, /^JWT_SECRET_CP is not set\.[^\n]*\n$/)
    }),
  )

  it.live("ends with exit code 130 when it is interrupted before it has done what it was asked", () =>
    Effect.gen(function* () {
      let isAsked = false
      const { url } = yield* startHttpServer(() => {
        isAsked = true
      })
      const child = execFile(process.execPath, [entry, "breakers", "list"], {
        env: { GATEWAY_URL: url, GATEWAY_TOKEN: "a-token" },
      })
      const ended = once(child, "exit")
      yield* until(() => isAsked)
      child.kill("SIGINT")
      yield* Effect.promise(() => ended)
      assert.strictEqual(child.exitCode, 130)
    }),
  )
})
