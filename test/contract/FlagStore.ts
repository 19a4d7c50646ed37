import { assert, describe, layer, type Vitest } from "@effect/vitest"
import { Effect, type Layer, Option } from "effect"
import { randomUUID } from "node:crypto"
import type { CustomerFlags } from "../../src/flags/CustomerFlags.ts"
import type { FlagFeed } from "../../src/flags/FlagFeed.ts"
import { type FlagChange, type FlagOutcome, FlagStore, type WantedFlags } from "../../src/flags/FlagStore.ts"

/** A customer that no other test knows. */
export const anyCustomer = (): string => `customer-${randomUUID()}`

export const wantedFlags = (differently: Partial<WantedFlags> = {}): WantedFlags => ({
  gatewayEnabled: true,
  middleware: { rbac: true, policy: false, budget: true },
  rolloutCohort: Option.some("canary_5pct"),
  ...differently,
})

/** A change of that customer's row, whatever is there, unless said otherwise. */
export const changeOf = (customerId: string, differently: Partial<FlagChange> = {}): FlagChange => ({
  customerId,
  wanted: Option.some(wantedFlags()),
  expected: "any",
  by: "staff-1",
  reason: "Because.",
  ...differently,
})

const write = (change: FlagChange) => FlagStore.use((store) => store.write(change))
const find = (customerId: string) => FlagStore.use((store) => store.find(customerId))
const historyOf = (customerId: string, limit = 100) =>
  FlagStore.use((store) => store.history({ customerId: Option.some(customerId), limit }))

/** The row after a change that must have been made. */
const changedRow = (outcome: FlagOutcome): CustomerFlags => {
  assert.strictEqual(outcome._tag, "changed")
  return Option.getOrThrow(outcome.row)
}
const written = (change: FlagChange) => Effect.map(write(change), changedRow)

/** What a row says, without who said it and when. */
const said = ({ gatewayEnabled, middleware, rolloutCohort }: CustomerFlags): WantedFlags => ({
  gatewayEnabled,
  middleware,
  rolloutCohort,
})

const atOnce = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded" })

const hostile = [
  "'; DROP TABLE gateway_feature_flags; --",
  `"quoted" \\back\\ $1 %s {} \u202e \u{1f512} \t\n`,
  "NULL",
  "a.b,c=d",
]

/** The contract of `FlagStore`, which every layer of it passes. The world is built once: a database takes its time. */
export const flagStoreContract = <R, E>(world: Layer.Layer<FlagFeed | FlagStore | R, E>): void => {
  layer(world, { timeout: "2 minutes", excludeTestServices: true })("keeps its contract", flagStoreTests)
}

/** The same, in a world that is there. */
export const flagStoreTests = <R>(it: Vitest.MethodsNonLive<FlagFeed | FlagStore | R>): void => {
  describe("a row", () => {
    it.effect("is found as it was written, with who wrote it", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        assert.deepStrictEqual(yield* find(customerId), Option.none())
        const row = yield* written(changeOf(customerId, { expected: Option.none() }))
        assert.strictEqual(row.customerId, customerId)
        assert.strictEqual(row.updatedBy, "staff-1")
        assert.deepStrictEqual(said(row), wantedFlags())
        assert.deepStrictEqual(yield* find(customerId), Option.some(row))
      }),
    )

    it.effect("says each thing that it can say", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const both = [true, false]
        for (const gatewayEnabled of both)
          for (const rbac of both)
            for (const policy of both)
              for (const budget of both)
                for (const rolloutCohort of [Option.none(), Option.some("whatever it is called")]) {
                  const wanted = { gatewayEnabled, middleware: { rbac, policy, budget }, rolloutCohort }
                  const row = yield* written(changeOf(customerId, { wanted: Option.some(wanted) }))
                  assert.deepStrictEqual(said(row), wanted)
                  assert.deepStrictEqual(yield* find(customerId), Option.some(row))
                }
      }),
    )

    it.effect("has another version, and no earlier time, after each change, also after one to the same", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const versions = new Set<string>()
        let updatedAt = 0
        for (let round = 0; round < 20; round++) {
          const row = yield* written(changeOf(customerId))
          versions.add(row.version)
          assert.isAtLeast(row.updatedAt, updatedAt)
          updatedAt = row.updatedAt
        }
        assert.strictEqual(versions.size, 20)
      }),
    )

    it.effect("that was removed is gone, and can be written anew, with another version", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const first = yield* written(changeOf(customerId))
        const removed = yield* write(changeOf(customerId, { wanted: Option.none() }))
        assert.deepStrictEqual(removed, { _tag: "changed", row: Option.none() })
        assert.deepStrictEqual(yield* find(customerId), Option.none())
        const second = yield* written(changeOf(customerId, { expected: Option.none() }))
        assert.notStrictEqual(second.version, first.version)
      }),
    )

    it.effect("keeps every character", () =>
      Effect.gen(function* () {
        for (const text of hostile) {
          const customerId = `${anyCustomer()}${text}`
          const wanted = wantedFlags({ rolloutCohort: Option.some(text) })
          const row = yield* written(
            changeOf(customerId, { wanted: Option.some(wanted), by: text, reason: text }),
          )
          assert.deepStrictEqual([row.customerId, row.updatedBy, said(row)], [customerId, text, wanted])
          assert.deepStrictEqual(yield* find(customerId), Option.some(row))
          const [entry] = yield* historyOf(customerId)
          assert.deepStrictEqual([entry?.by, entry?.reason], [text, Option.some(text)])
        }
      }),
    )

    it.effect("is not found by an id that is nobody's, and that is no failure", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        yield* write(changeOf(customerId))
        const others = [
          "",
          "%",
          "\0",
          "\ud800",
          customerId.toUpperCase(),
          `${customerId} `,
          `${customerId}\0`,
        ]
        for (const other of others) assert.deepStrictEqual(yield* find(other), Option.none())
      }),
    )

    it.effect("is changed for whatever characters a reason has", () =>
      Effect.gen(function* () {
        const row = yield* written(changeOf(anyCustomer(), { reason: "NUL \0 and \ud800 alone" }))
        assert.deepStrictEqual(said(row), wantedFlags())
      }),
    )
  })

  describe("a change", () => {
    it.effect("of the version that was read is made", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const { version } = yield* written(changeOf(customerId))
        const wanted = wantedFlags({ gatewayEnabled: false })
        const row = yield* written(
          changeOf(customerId, {
            wanted: Option.some(wanted),
            expected: Option.some(version),
            by: "staff-2",
          }),
        )
        assert.deepStrictEqual([said(row), row.updatedBy], [wanted, "staff-2"])
      }),
    )

    it.effect("of another version is none, and says what is there", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const old = yield* written(changeOf(customerId))
        const row = yield* written(changeOf(customerId))
        const others = [Option.none(), ...[old.version, "", "0", "-1", "1e9", "x", "\0"].map(Option.some)]
        for (const expected of others)
          for (const wanted of [Option.some(wantedFlags({ gatewayEnabled: false })), Option.none()])
            assert.deepStrictEqual(yield* write(changeOf(customerId, { wanted, expected })), {
              _tag: "conflict",
              row: Option.some(row),
            })
        assert.deepStrictEqual(yield* find(customerId), Option.some(row))
        assert.lengthOf(yield* historyOf(customerId), 2)
      }),
    )

    it.effect("of a row that is gone is none", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const { version } = yield* written(changeOf(customerId))
        yield* write(changeOf(customerId, { wanted: Option.none() }))
        for (const wanted of [Option.some(wantedFlags()), Option.none()])
          assert.deepStrictEqual(
            yield* write(changeOf(customerId, { wanted, expected: Option.some(version) })),
            { _tag: "conflict", row: Option.none() },
          )
        assert.deepStrictEqual(yield* find(customerId), Option.none())
      }),
    )

    it.effect("that removes the version that was read removes it", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const { version } = yield* written(changeOf(customerId))
        const outcome = yield* write(
          changeOf(customerId, { wanted: Option.none(), expected: Option.some(version) }),
        )
        assert.deepStrictEqual(outcome, { _tag: "changed", row: Option.none() })
        assert.deepStrictEqual(yield* find(customerId), Option.none())
      }),
    )

    it.effect("that removes what is not there finds it done, and leaves no trace", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        for (const expected of ["any", Option.none()] as const)
          assert.deepStrictEqual(yield* write(changeOf(customerId, { wanted: Option.none(), expected })), {
            _tag: "changed",
            row: Option.none(),
          })
        assert.deepStrictEqual(yield* historyOf(customerId), [])
      }),
    )
  })

  describe("of many who write at once", () => {
    it.effect("one is first to make the row, and the others see which", () =>
      Effect.gen(function* () {
        for (let round = 0; round < 5; round++) {
          const customerId = anyCustomer()
          const outcomes = yield* atOnce(
            Array.from({ length: 20 }, (_, n) =>
              write(changeOf(customerId, { expected: Option.none(), by: `staff-${n}` })),
            ),
          )
          const row = yield* find(customerId)
          assert.lengthOf(
            outcomes.filter(({ _tag }) => _tag === "changed"),
            1,
          )
          for (const outcome of outcomes) assert.deepStrictEqual(outcome.row, row)
          assert.lengthOf(yield* historyOf(customerId), 1)
        }
      }),
    )

    it.effect("one changes the version that all have read, whether it changes or removes it", () =>
      Effect.gen(function* () {
        for (let round = 0; round < 5; round++) {
          const customerId = anyCustomer()
          const expected = Option.some((yield* written(changeOf(customerId))).version)
          const outcomes = yield* atOnce(
            Array.from({ length: 20 }, (_, n) =>
              write(
                changeOf(customerId, {
                  wanted: n % 2 === 0 ? Option.some(wantedFlags()) : Option.none(),
                  expected,
                }),
              ),
            ),
          )
          const row = yield* find(customerId)
          assert.lengthOf(
            outcomes.filter(({ _tag }) => _tag === "changed"),
            1,
          )
          for (const outcome of outcomes) assert.deepStrictEqual(outcome.row, row)
          assert.lengthOf(yield* historyOf(customerId), 2)
        }
      }),
    )

    it.effect("all have their way who replace whatever is there, one after the other", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const outcomes = yield* atOnce(
          Array.from({ length: 20 }, (_, n) =>
            write(
              changeOf(customerId, {
                wanted: Option.some(wantedFlags({ rolloutCohort: Option.some(`${n}`) })),
              }),
            ),
          ),
        )
        assert.strictEqual(new Set(outcomes.map((outcome) => changedRow(outcome).version)).size, 20)
        const history = yield* historyOf(customerId)
        assert.lengthOf(history, 20)
        assert.deepStrictEqual(history[0]?.after, Option.map(yield* find(customerId), said))
        assert.deepStrictEqual(
          history.map(({ before }) => before),
          [...history.slice(1).map(({ after }) => after), Option.none()],
        )
      }),
    )
  })

  describe("the history", () => {
    it.effect("has each change, the newest first, with what it changed, who did it and why", () =>
      Effect.gen(function* () {
        const customerId = anyCustomer()
        const [first, second] = [
          wantedFlags(),
          wantedFlags({ gatewayEnabled: false, rolloutCohort: Option.none() }),
        ]
        yield* write(changeOf(customerId, { wanted: Option.some(first), by: "staff-1", reason: "One." }))
        yield* write(changeOf(customerId, { wanted: Option.some(second), by: "staff-2", reason: "Two." }))
        yield* write(changeOf(customerId, { wanted: Option.none(), by: "staff-3", reason: "Three." }))
        const history = yield* historyOf(customerId)
        const some = Option.some
        assert.deepStrictEqual(
          history.map(({ before, by, after, customerId: of, reason }) => [of, by, reason, before, after]),
          [
            [customerId, "staff-3", some("Three."), some(second), Option.none()],
            [customerId, "staff-2", some("Two."), some(first), some(second)],
            [customerId, "staff-1", some("One."), Option.none(), some(first)],
          ],
        )
        const times = history.map(({ at }) => at)
        assert.deepStrictEqual(
          times,
          times.toSorted((a, b) => b - a),
        )
        assert.deepStrictEqual(yield* historyOf(customerId, 2), history.slice(0, 2))
        assert.deepStrictEqual(yield* historyOf(customerId, 0), [])
      }),
    )

    it.effect("is that of all customers where none is named", () =>
      Effect.gen(function* () {
        const { history } = yield* FlagStore
        const ids = [anyCustomer(), anyCustomer(), anyCustomer()]
        for (const id of ids) yield* write(changeOf(id))
        const newest = yield* history({ customerId: Option.none(), limit: 3 })
        assert.deepStrictEqual(
          newest.map(({ customerId }) => customerId),
          ids.toReversed(),
        )
        assert.lengthOf(yield* history({ customerId: Option.none(), limit: 2 }), 2)
      }),
    )

    it.effect("of nobody is empty", () =>
      Effect.gen(function* () {
        for (const nobody of [anyCustomer(), "", "\0"]) assert.deepStrictEqual(yield* historyOf(nobody), [])
      }),
    )
  })

  describe("the list", () => {
    it.effect("has all rows by id, page after page", () =>
      Effect.gen(function* () {
        const { list } = yield* FlagStore
        const prefix = `${anyCustomer()}-`
        // By code point, which is neither the order of UTF-16 units nor that of any language.
        const ids = ["", "-", "1", "10", "2", "B", "a", "b", "ä", "\uffee", "\u{1f512}"].map(
          (id) => prefix + id,
        )
        for (const id of ids.toReversed()) yield* write(changeOf(id))
        const own = ids.map((id) => Effect.map(find(id), Option.getOrThrow))
        const rows = yield* Effect.all(own)
        for (const size of [1, 2, 3, 11]) {
          const listed: Array<CustomerFlags> = []
          while (listed.length < rows.length) {
            const after = Option.some(listed.at(-1)?.customerId ?? prefix.slice(0, -1))
            const page = yield* list({ after, limit: size })
            assert.isAtLeast(page.length, 1)
            assert.isAtMost(page.length, size)
            listed.push(...page)
          }
          assert.deepStrictEqual(listed.slice(0, rows.length), rows)
        }
      }),
    )

    it.effect("begins with the first, and ends with the last", () =>
      Effect.gen(function* () {
        const { list } = yield* FlagStore
        const [first, last] = [`\u0001${anyCustomer()}`, `\u{10ffff}${anyCustomer()}`]
        yield* write(changeOf(first))
        yield* write(changeOf(last))
        const ids = (after: Option.Option<string>, limit: number) =>
          Effect.map(list({ after, limit }), (rows) => rows.map(({ customerId }) => customerId))
        assert.deepStrictEqual(yield* ids(Option.none(), 1), [first])
        assert.strictEqual((yield* ids(Option.none(), 100_000)).at(-1), last)
        assert.deepStrictEqual(yield* ids(Option.some(last), 5), [])
        assert.deepStrictEqual(yield* ids(Option.none(), 0), [])
      }),
    )
  })
}
