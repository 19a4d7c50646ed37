import { Option, Schema } from "effect"
import { createReadStream } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { crc32 } from "node:zlib"
import { cohorts } from "../../src/flags/Cohort.ts"
import type { CustomerFlags } from "../../src/flags/CustomerFlags.ts"
import type { KnownFlags } from "../../src/flags/KeptFlags.ts"
import { rolloutStates } from "../../src/flags/Rollout.ts"

/**
 * How flags are written to a file: in lines of JSON. The first says what they are, then comes one a row, and the last
 * has their number and a checksum of all before it. Who changes what a line may hold gives the format another name.
 */
const format = "gateway-flags-1"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const Head = Schema.Struct({
  format: Schema.Literal(format),
  revision: Count,
  rollout: Schema.OptionFromNullOr(
    Schema.Struct({
      state: Schema.Literals(rolloutStates),
      cohort: Schema.OptionFromNullOr(Schema.Literals(cohorts)),
      automatic: Schema.Boolean,
      step: Schema.Int,
      stepStartedAt: Schema.Finite,
      updatedAt: Schema.Finite,
      updatedBy: Schema.String,
      reason: Schema.String,
      version: Schema.Int,
    }),
  ),
})

const Row = Schema.Struct({
  customerId: Schema.String,
  gatewayEnabled: Schema.Boolean,
  middleware: Schema.Struct({ rbac: Schema.Boolean, policy: Schema.Boolean, budget: Schema.Boolean }),
  rolloutCohort: Schema.OptionFromNullOr(Schema.String),
  updatedAt: Schema.Finite,
  updatedBy: Schema.String,
  version: Schema.String,
})

const End = Schema.Struct({ rows: Count, checksum: Count })

const strictly = { onExcessProperty: "error" } as const
const encodeHead = Schema.encodeSync(Head)
const decodeHead = Schema.decodeUnknownSync(Head, strictly)
const decodeRow = Schema.decodeUnknownSync(Row, strictly)
const decodeEnd = Schema.decodeUnknownSync(End, strictly)

/** Not by the schema: that takes five times as long, and there may be 100,000 rows. */
const rowText = (row: CustomerFlags): string => {
  const { budget, policy, rbac } = row.middleware
  const encoded: typeof Row.Encoded = {
    customerId: row.customerId,
    gatewayEnabled: row.gatewayEnabled,
    middleware: { rbac, policy, budget },
    rolloutCohort: Option.getOrNull(row.rolloutCohort),
    updatedAt: row.updatedAt,
    updatedBy: row.updatedBy,
    version: row.version,
  }
  return JSON.stringify(encoded)
}

/** Rows that are written in one turn of the event loop. */
const batchSize = 500

/** Gives other work its turn every few milliseconds; stops where the signal says so. */
export const writeKnown = async (file: FileHandle, known: KnownFlags, signal: AbortSignal): Promise<void> => {
  let checksum = 0
  const write = async (lines: ReadonlyArray<string>) => {
    signal.throwIfAborted()
    const bytes = Buffer.from(lines.join("\n") + "\n")
    checksum = crc32(bytes, checksum)
    await file.appendFile(bytes)
  }
  const { revision, rollout, rows } = known
  let lines = [JSON.stringify(encodeHead({ format, revision, rollout }))]
  for (const row of rows.values()) {
    lines.push(rowText(row))
    if (lines.length < batchSize) continue
    await write(lines)
    lines = []
  }
  if (lines.length > 0) await write(lines)
  const end: typeof End.Encoded = { rows: rows.size, checksum }
  await write([JSON.stringify(end)])
}

/** Rejects where the file is of another format, not whole, or not as it was written. */
export const readKnown = async (path: string): Promise<KnownFlags> => {
  let head: typeof Head.Type | undefined
  const rows = new Map<string, CustomerFlags>()
  let checksum = 0
  const take = (line: string) => {
    checksum = crc32(`${line}\n`, checksum)
    if (head === undefined) {
      head = decodeHead(JSON.parse(line))
      return
    }
    const row = decodeRow(JSON.parse(line))
    rows.set(row.customerId, row)
  }
  let last: string | undefined
  for await (const lines of linesOf(path)) {
    for (const line of lines) {
      if (last !== undefined) take(last)
      last = line
    }
  }
  const end = decodeEnd(JSON.parse(last ?? ""))
  if (head === undefined || end.rows !== rows.size || end.checksum !== checksum)
    throw new Error("It is not as it was written.")
  return { revision: head.revision, rollout: head.rollout, rows }
}

/** Some at a time. */
async function* linesOf(path: string): AsyncGenerator<ReadonlyArray<string>> {
  let rest = ""
  for await (const text of createReadStream(path, "utf8")) {
    const lines = `${rest}${text}`.split("\n")
    rest = lines.pop() ?? ""
    yield lines
  }
  if (rest !== "") throw new Error("It ends within a line.")
}
