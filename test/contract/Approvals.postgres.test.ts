import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Duration, Effect, Layer, Option, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import * as PostgresApprovals from "../../layers/postgres/Approvals.ts"
import * as Database from "../../layers/postgres/Database.ts"
import { type ApprovalRequest, Approvals, ApprovalsUnavailable } from "../../src/policy/Approvals.ts"
import { describeLive } from "../Live.ts"
import { ownSchema } from "../layers/postgres/OwnSchema.ts"
import { approvalsContract } from "./Approvals.ts"
import { startRelay } from "../TcpRelay.ts"

const over = (url: string) =>
  Layer.provide(PostgresApprovals.layer, Database.layerUrl(Redacted.make(url), 10))

/** One instance of the gateway: a pool of its own. */
const instance = (url: string) =>
  Effect.map(Layer.build(Layer.fresh(over(url))), (context) => Context.get(context, Approvals))

const anyWish = Effect.map(Clock.currentTimeMillis, (now): ApprovalRequest => ({
  action: "data.export",
  customerId: `customer-${randomUUID()}`,
  resource: "/api/v1/customers/customer-7/data/export",
  method: "GET",
  agentId: Option.none(),
  requestedBy: "user-7",
  correlationId: randomUUID(),
  expiresAt: now + 3_600_000,
}))

await describeLive("Approvals in PostgreSQL", "TEST_DATABASE_URL", (url) => {
  approvalsContract(Layer.unwrap(Effect.map(ownSchema(url), over)))

  it.live("are used once by all instances together, and opened once", () =>
    Effect.gen(function* () {
      const own = yield* ownSchema(url)
      const instances = [yield* instance(own), yield* instance(own), yield* instance(own)]
      const wish = yield* anyWish
      const onAll = <A, E>(each: (approvals: (typeof instances)[number]) => Effect.Effect<A, E>) =>
        Effect.all(Array.from({ length: 20 }, () => instances.map(each)).flat(), { concurrency: "unbounded" })
      const [opened] = new Set((yield* onAll(({ open }) => open(wish))).map(({ id }) => id))
      const id = opened ?? assert.fail("nothing was opened")
      const outcomes = yield* onAll(({ decide }) =>
        decide({ id, approve: true, by: "governor-1", reason: "Yes." }),
      )
      assert.lengthOf(
        outcomes.filter((outcome) => outcome === "decided"),
        1,
      )
      const uses = yield* onAll(({ consume }) => consume({ ...wish, id }))
      assert.lengthOf(
        uses.filter((used) => used),
        1,
      )
    }),
  )
})

/** How long every method takes to fail, in milliseconds. */
const failuresOf = ({ consume, decide, find, list, open }: Context.Service.Shape<typeof Approvals>) =>
  Effect.gen(function* () {
    const wish = yield* anyWish
    const id = randomUUID()
    const calls: ReadonlyArray<Effect.Effect<unknown, ApprovalsUnavailable>> = [
      open(wish),
      find(id),
      list({ status: Option.none(), limit: 1 }),
      decide({ id, approve: true, by: "governor-1", reason: "Yes." }),
      consume({ ...wish, id }),
    ]
    return yield* Effect.all(
      calls.map((call) =>
        Effect.map(Effect.timed(Effect.flip(call)), ([took, failure]) => {
          assert.instanceOf(failure, ApprovalsUnavailable)
          return Duration.toMillis(took)
        }),
      ),
      { concurrency: "unbounded" },
    )
  })

/** Waits until PostgreSQL answers again. */
const recovered = ({ find }: Context.Service.Shape<typeof Approvals>) =>
  Effect.asVoid(
    find(randomUUID()).pipe(
      Effect.retry(Schedule.spaced("20 millis")),
      Effect.timeout("10 seconds"),
      Effect.orDie,
    ),
  )

describe("Approvals while PostgreSQL is away", () => {
  it.live("start all the same, and fail in time where nothing listens", () =>
    Effect.gen(function* () {
      const [took, approvals] = yield* Effect.timed(instance("postgres://gateway@127.0.0.1:1/gateway"))
      assert.isBelow(Duration.toMillis(took), 500)
      assert.isBelow(Math.max(...(yield* failuresOf(approvals))), 2000)
    }),
  )

  it.live("start all the same, and fail in time where somebody listens and never answers", () =>
    Effect.gen(function* () {
      const relay = yield* startRelay("postgres://gateway@127.0.0.1:1/gateway")
      yield* relay.hang
      const approvals = yield* instance(relay.url)
      assert.isBelow(Math.max(...(yield* failuresOf(approvals))), 2000)
    }),
  )
})

await describeLive("Approvals while a PostgreSQL that was there", "TEST_DATABASE_URL", (url) => {
  const behindRelay = Effect.flatMap(ownSchema(url), startRelay)

  it.live("hangs (as with SIGSTOP) fail in time, each of many at once, and are right again afterwards", () =>
    Effect.gen(function* () {
      const relay = yield* behindRelay
      const approvals = yield* instance(relay.url)
      yield* recovered(approvals)
      yield* relay.hang
      const waits = yield* Effect.all(
        Array.from({ length: 20 }, () => failuresOf(approvals)),
        { concurrency: "unbounded" },
      )
      assert.isBelow(Math.max(...waits.flat()), 2500)
      yield* relay.heal
      yield* recovered(approvals)
      assert.strictEqual((yield* approvals.open(yield* anyWish)).status, "pending")
    }),
  )

  it.live("is gone fail at once, and are right again afterwards", () =>
    Effect.gen(function* () {
      const relay = yield* behindRelay
      const approvals = yield* instance(relay.url)
      yield* recovered(approvals)
      yield* relay.vanish
      for (let i = 0; i < 5; i++) assert.isBelow(Math.max(...(yield* failuresOf(approvals))), 500)
      yield* relay.heal
      yield* recovered(approvals)
    }),
  )

  it.live("is away at the start are right as soon as it is there", () =>
    Effect.gen(function* () {
      const relay = yield* behindRelay
      yield* relay.vanish
      const approvals = yield* instance(relay.url)
      assert.isBelow(Math.max(...(yield* failuresOf(approvals))), 2000)
      yield* relay.heal
      yield* recovered(approvals)
    }),
  )

  // What was asked may be done all the same, when only the answer does not come.
  it.live("takes its questions and answers late never pass one approval twice", () =>
    Effect.gen(function* () {
      const relay = yield* behindRelay
      const approvals = yield* instance(relay.url)
      const wish = yield* anyWish
      const { id } = yield* approvals.open(wish)
      yield* approvals.decide({ id, approve: true, by: "governor-1", reason: "Yes." })
      const use = approvals.consume({ ...wish, id })
      yield* relay.hang
      const failures = yield* Effect.all(
        Array.from({ length: 10 }, () => Effect.flip(use)),
        { concurrency: "unbounded" },
      )
      assert.lengthOf(failures, 10)
      yield* relay.heal
      yield* recovered(approvals)
      const uses = [yield* use, yield* use, yield* use]
      assert.isAtMost(uses.filter((used) => used).length, 1)
    }),
  )
})
