import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { connect, createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { bringUp, takeDown } from "../../../layers/postgres/MigrationRunner.ts"
import { statusOf } from "../../../layers/postgres/MigrationState.ts"
import { describeLive } from "../../Live.ts"
import { temporaryFolder } from "../../TemporaryFolder.ts"
import { untilSeen } from "../../Until.ts"
import { contents, fill, migrationWorld, ownDatabase, steps, unhurried } from "./MigrationWorld.ts"

const entry = fileURLToPath(new URL("MigrationChild.ts", import.meta.url))
const wish = { to: Option.none<number>(), dryRun: false, withoutData: false }
const all = { ...wish, to: Option.some(0) }

/** A process that waits to be told what to do. What it has compiled it leaves in that folder for the next. */
const spawned = (compiled: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const env = { ...process.env, NODE_COMPILE_CACHE: compiled }
      const child = spawn(process.execPath, [entry], { env, stdio: ["pipe", "inherit", "inherit"] })
      const gone = new Promise<number | null>((resolve) => child.once("close", resolve))
      return {
        tell: (text: string) => Effect.sync(() => void child.stdin.write(text)),
        kill: () => void child.kill("SIGKILL"),
        exited: Effect.promise(() => gone),
      }
    }),
    ({ kill, exited }) => Effect.andThen(Effect.sync(kill), exited),
  )

/** Where a process is killed: after a share of all that goes between it and PostgreSQL, or when it says something. */
interface Point {
  readonly share?: number
  readonly saying?: string
  /** Whether PostgreSQL still hears what is said. */
  readonly isHeard?: boolean
}
const shares: ReadonlyArray<Point> = [0.02, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95].map((share) => ({ share }))
const commits: ReadonlyArray<Point> = [{ saying: "COMMIT" }, { saying: "COMMIT", isHeard: true }]

/** Stands between a process and PostgreSQL, and kills the process at that point; counts what goes through. */
const killer = Effect.fnUntraced(function* (target: string, kill: () => void, point: Point, total: number) {
  const url = new URL(target)
  const server = { host: url.hostname, port: Number(url.port) }
  let [bytes, killed] = [0, false]
  const pass = (chunk: Buffer, forward: () => void, isSaid: boolean) => {
    if (killed) return
    bytes += chunk.length
    const said = isSaid && point.saying !== undefined && chunk.includes(point.saying)
    killed = said || (point.share !== undefined && bytes > point.share * total)
    if (killed) kill()
    if (!killed || point.isHeard === true) forward()
  }
  const listener = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const relay = createServer((client) => {
        const upstream = connect(server)
        for (const socket of [client, upstream]) socket.on("error", () => {})
        client.on("close", () => upstream.end())
        upstream.on("close", () => client.end())
        client.on("data", (chunk: Buffer) => pass(chunk, () => upstream.write(chunk), true))
        upstream.on("data", (chunk: Buffer) => pass(chunk, () => client.write(chunk), false))
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(relay)))
    }),
    (relay) => Effect.sync(() => relay.close()),
  )
  const address = listener.address()
  url.host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : assert.fail("no port")}`
  return { url: url.href, bytes: () => bytes, hasKilled: () => killed }
})

await describeLive("Migrations that are killed", "TEST_DATABASE_URL", (url) => {
  const killedOn = (direction: "down" | "up", journalled: string) =>
    it.live(`on the way ${direction} are done altogether or not at all, and no row is lost`, () =>
      Effect.gen(function* () {
        const world = yield* migrationWorld(yield* ownDatabase(url))
        const waiting = spawned(yield* temporaryFolder)
        const through = new URL(world.url)
        through.searchParams.set("application_name", "killed")
        yield* Effect.gen(function* () {
          const sql = yield* SqlClient.SqlClient
          yield* Effect.andThen(bringUp(steps, wish), fill)
          yield* unhurried(
            () => sql`INSERT INTO events SELECT i, md5(i::text) FROM generate_series(501, 20000) AS i`,
          )
          const before = yield* contents
          const states = Effect.map(statusOf(steps), (found) => new Set(found.map(({ state }) => state)))
          const isUp = Effect.gen(function* () {
            const [state, ...others] = yield* states
            assert.deepStrictEqual(others, [])
            assert.deepStrictEqual(yield* contents, state === "applied" ? before : [])
            return state === "applied"
          })
          const bring = (up: boolean) => (up ? bringUp(steps, wish) : takeDown(steps, all))
          const isGone = untilSeen(
            sql`SELECT FROM pg_stat_activity WHERE application_name = 'killed' AND datname = current_database()`,
            ({ length }) => length === 0,
          )
          const run = Effect.fnUntraced(function* (
            child: Effect.Success<ReturnType<typeof spawned>>,
            point: Point,
            total: number,
          ) {
            const relay = yield* killer(through.href, child.kill, point, total)
            yield* child.tell(`${direction} ${relay.url} ${world.folder}\n`)
            const code = yield* child.exited
            yield* isGone
            return { code, hasKilled: relay.hasKilled(), bytes: relay.bytes() }
          })

          yield* bring(direction === "down")
          const whole = yield* run(yield* waiting, {}, 0)
          assert.strictEqual(whole.code, 0)
          assert.strictEqual(yield* isUp, direction === "up")

          let next = yield* Effect.forkScoped(waiting)
          for (const point of [...shares, { saying: journalled }, ...commits]) {
            const child = yield* Fiber.join(next)
            // It loads while this one is at work.
            next = yield* Effect.forkScoped(waiting)
            yield* bring(direction === "down")
            const { code, hasKilled } = yield* run(child, point, whole.bytes)
            assert.deepStrictEqual(
              { code, hasKilled },
              { code: null, hasKilled: true },
              JSON.stringify(point),
            )
            const up = yield* isUp
            assert.strictEqual(up, (direction === "up") === (point.isHeard === true), JSON.stringify(point))
            yield* bring(true)
            assert.isTrue(yield* isUp, JSON.stringify(point))
          }
        }).pipe(Effect.provide(world.client))
      }),
    )

  // Twenty processes take their time on a busy machine.
  describe.concurrent("at each of ten points", { timeout: 120_000 }, () => {
    killedOn("down", "INSERT INTO gateway_migration_journal")
    killedOn("up", "DELETE FROM gateway_migration_journal")
  })
})
