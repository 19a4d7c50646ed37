import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import {
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { knownFlags } from "../../flags/KnownFlags.ts"
import { loggedIn } from "../../Logged.ts"
import { metricsOf } from "../../Metrics.ts"
import { temporaryFolder } from "../../TemporaryFolder.ts"
import { until, untilSeen } from "../../Until.ts"
import { keptFlagsOf } from "./KeptFlagsOf.ts"
import { killed, startProgram } from "./Processes.ts"

const now = 1_764_000_000_000
const modeOf = (path: string) => statSync(path).mode & 0o777

/** What a process that is killed while it saves leaves behind. */
const unfinished = (id: string) => `.flags-1.jsonl.${id.repeat(8)}-aaaa-4aaa-8aaa-aaaaaaaaaaaa`

/** The revision that a process finds that starts now. */
const foundRevision = (folder: string, lines: Array<string> = []) =>
  Effect.gen(function* () {
    const { load } = yield* keptFlagsOf(folder)
    return Option.map(yield* load, ({ known }) => known.revision)
  }).pipe(Effect.scoped, Effect.provide(loggedIn(lines)))

const unkept = Effect.map(metricsOf("gateway_flags_unkept_total"), ({ gateway_flags_unkept_total }) =>
  Number(gateway_flags_unkept_total ?? 0),
)

describe("Flags kept in files", () => {
  it.effect("are one file that is this user's alone, in a folder that is too", () =>
    Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "state")
      const { save } = yield* keptFlagsOf(folder)
      for (const revision of [1, 2, 3]) yield* save(knownFlags(revision), now + revision)
      assert.deepStrictEqual(readdirSync(folder), ["flags-3.jsonl"])
      assert.deepStrictEqual([folder, join(folder, "flags-3.jsonl")].map(modeOf), [0o700, 0o600])
    }),
  )

  const spoiled: Readonly<Record<string, (text: string) => string>> = {
    empty: () => "",
    "half, at the end of a line": (text) => text.split("\n").slice(0, 3).join("\n") + "\n",
    "half, within a line": (text) => text.slice(0, 700),
    "without its last line": (text) => text.split("\n").slice(0, -2).join("\n") + "\n",
    "of another revision than its name": (text) => text.replace('"revision":9', '"revision":8'),
    "of another format": (text) => text.replace("gateway-flags-1", "gateway-flags-2"),
    "with a row that says more": (text) => text.replace('"version":"9"', '"version":"9","more":1'),
    "with a row that says less": (text) => text.replace(',"version":"9"', ""),
    "with another customer's name": (text) => text.replace("customer-1", "customer-7"),
    "with a switch turned": (text) => text.replace('"gatewayEnabled":true', '"gatewayEnabled":false'),
    longer: (text) => `${text}{}\n`,
    "no text": () => "\0\xff\n\n",
  }
  for (const [how, spoil] of Object.entries(spoiled))
    it.effect(`are passed over where they are ${how}, for those before, and that is logged`, () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const { save } = yield* keptFlagsOf(folder)
        yield* save(knownFlags(4), now)
        copyFileSync(join(folder, "flags-4.jsonl"), join(folder, "kept"))
        yield* save(knownFlags(9), now + 1000)
        renameSync(join(folder, "kept"), join(folder, "flags-4.jsonl"))
        const path = join(folder, "flags-9.jsonl")
        const text = readFileSync(path, "utf8")
        assert.notStrictEqual(spoil(text), text)
        writeFileSync(path, spoil(text))
        utimesSync(path, now, now)
        utimesSync(join(folder, "flags-4.jsonl"), now / 1000, now / 1000)

        const lines: Array<string> = []
        assert.deepStrictEqual(yield* foundRevision(folder, lines), Option.some(4))
        assert.lengthOf(lines, 1)
        assert.match(lines[0] ?? "", /^Warn: The flags kept in \S+ as revision 9 cannot be used: \S/)
      }),
    )

  it.effect("are found among what else is in the folder", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      for (const name of [
        "flags-.jsonl",
        "flags-07.jsonl",
        "flags-9.jsonl.bak",
        "flags-1e3.jsonl",
        "objects",
      ])
        writeFileSync(join(folder, name), "not ours")
      mkdirSync(join(folder, "flags-8.jsonl"))
      symlinkSync("nowhere", join(folder, "flags-9.jsonl"))
      const { save } = yield* keptFlagsOf(folder)
      yield* save(knownFlags(6), now)
      const lines: Array<string> = []
      utimesSync(join(folder, "flags-8.jsonl"), now, now)
      lutimesSync(join(folder, "flags-9.jsonl"), now, now)
      assert.deepStrictEqual(yield* foundRevision(folder, lines), Option.some(6))
      assert.lengthOf(lines, 2)
      assert.lengthOf(readdirSync(folder), 8)
    }),
  )

  it.live("are whole while another process saves its own, and whenever that is killed", () =>
    Effect.gen(function* () {
      for (const revision of [3, 6]) {
        const folder = yield* temporaryFolder
        const saver = yield* startProgram("SaveFlags.ts", [folder])
        yield* until(() =>
          readdirSync(folder).some((name) => Number(/^flags-(\d+)/.exec(name)?.[1]) >= revision),
        )
        const lines: Array<string> = []
        const found = yield* Effect.forEach(Array.from({ length: 10 }), () => foundRevision(folder, lines))
        assert.isTrue(found.every(Option.isSome))
        yield* killed(saver)
        assert.strictEqual(saver.signalCode, "SIGKILL")
        const { load } = yield* keptFlagsOf(folder)
        const kept = Option.getOrThrow(yield* Effect.provide(load, loggedIn(lines)))
        assert.deepStrictEqual(lines, [])
        assert.isTrue(
          [...kept.known.rows.values()].every(({ version }) => version === String(kept.known.revision)),
        )
        assert.strictEqual(kept.known.rows.size, 2000)
      }
    }),
  )

  it.effect("leave nothing behind for long where a process was killed", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      for (const [id, minutes] of [
        ["1", 11],
        ["2", 9],
      ] as const) {
        writeFileSync(join(folder, unfinished(id)), "{")
        const at = now / 1000 - minutes * 60
        utimesSync(join(folder, unfinished(id)), at, at)
      }
      const { save } = yield* keptFlagsOf(folder)
      yield* save(knownFlags(2), now)
      assert.sameMembers(readdirSync(folder), [unfinished("2"), "flags-2.jsonl"])
    }),
  )
})

describe("Flags that cannot be kept", () => {
  it.effect("are logged once and counted each time, and are kept soon after they can be", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const folder = join(yield* temporaryFolder, "state")
      const { confirm, save } = yield* keptFlagsOf(folder)
      yield* save(knownFlags(1), now)
      const before = yield* unkept

      rmSync(folder, { recursive: true })
      writeFileSync(folder, "in the way")
      yield* save(knownFlags(2), now + 1000)
      yield* TestClock.adjust("10 seconds")
      yield* confirm(now + 2000)
      yield* confirm(now + 3000)
      assert.strictEqual((yield* unkept) - before, 2)
      assert.lengthOf(lines, 1)
      assert.match(lines[0] ?? "", /^Warn: The flags cannot be kept in \S+: E\w+: .* They hold all the same/)

      rmSync(folder)
      yield* TestClock.adjust("9 seconds")
      yield* confirm(now + 4000)
      assert.lengthOf(lines, 1)
      yield* TestClock.adjust("1 second")
      yield* confirm(now + 5000)
      assert.deepStrictEqual(lines.slice(1), [`Info: The flags are kept in ${folder} again.`])
      assert.deepStrictEqual(yield* foundRevision(folder), Option.some(2))
      assert.strictEqual((yield* unkept) - before, 2)
    }).pipe(Effect.provide(loggedIn(lines)))
  })

  it.effect("because somebody removed them are kept again when they are confirmed", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { confirm, save } = yield* keptFlagsOf(folder)
      yield* save(knownFlags(1), now)
      rmSync(join(folder, "flags-1.jsonl"))
      yield* confirm(now + 1000)
      assert.deepStrictEqual(yield* foundRevision(folder), Option.some(1))
    }),
  )

  it.effect("in time hold nobody up, and are kept behind their back", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { confirm, save } = yield* keptFlagsOf(folder)
      const saving = yield* Effect.forkChild(save(knownFlags(1, 100_000), now))
      yield* until(() => readdirSync(folder).length > 0)
      yield* confirm(now + 1000)
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(saving)
      assert.notInclude(readdirSync(folder), "flags-1.jsonl")
      const changed = () =>
        readdirSync(folder).includes("flags-1.jsonl") && statSync(join(folder, "flags-1.jsonl")).mtimeMs
      yield* untilSeen(Effect.sync(changed), (at) => at === now + 1000)
    }),
  )

  it.effect("at all fail the start, and say which directory", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "file")
      writeFileSync(file, "")
      for (const folder of [file, join(file, "state"), "/proc/nobody/state"]) {
        const { faults } = yield* Effect.flip(keptFlagsOf(folder))
        assert.lengthOf(faults, 1)
        assert.strictEqual(faults[0]?.variable, "STATE_DIR")
        assert.include(faults[0]?.problem, `The directory ${folder} cannot be made or written to: E`)
      }
    }),
  )
})

describe("A hundred thousand rows", () => {
  it.effect("let other work have its turn all the while", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { load, save } = yield* keptFlagsOf(folder)
      const known = knownFlags(1, 100_000)
      for (const work of [save(known, now), load]) {
        let turns = 0
        let isDone = false
        const turn = () => {
          turns++
          if (!isDone) setImmediate(turn)
        }
        setImmediate(turn)
        yield* work
        isDone = true
        assert.isAbove(turns, 150)
      }
    }),
  )
})
