/** Command line of `npm run bench`. */
import { parseArgs } from "node:util"

export interface Options {
  readonly rounds: number
  /** Length of one measurement, seconds. */
  readonly seconds: number
  /** Load on each rung before the first round, not counted, seconds: just-in-time compilers need many requests. */
  readonly heat: number
  /** Load before each measurement, not counted, seconds. */
  readonly warmup: number
  /** Concurrent keep-alive connections, each with one request in flight. */
  readonly connections: number
  /** Names of the rungs to run; empty for all of them. */
  readonly only: ReadonlyArray<string>
  /** Run the gateway from src/ even if dist/ exists. */
  readonly source: boolean
}

export class UsageError extends Error {
  override readonly name = "UsageError"
}

const positive = (name: string, text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} must be a number above zero, not "${text}"`)
  return value
}

const whole = (name: string, text: string): number => {
  const value = positive(name, text)
  if (!Number.isInteger(value)) throw new UsageError(`--${name} must be a whole number, not "${text}"`)
  return value
}

const parse = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: "string", default: "5" },
        seconds: { type: "string", default: "5" },
        heat: { type: "string", default: "10" },
        warmup: { type: "string", default: "1" },
        connections: { type: "string", default: "64" },
        only: { type: "string", default: "" },
        source: { type: "boolean", default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

export const parseOptions = (args: ReadonlyArray<string>, known: ReadonlyArray<string>): Options => {
  const values = parse(args)
  const only = values.only.split(",").filter((name) => name !== "")
  const unknown = only.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    throw new UsageError(`--only: no rung is called ${unknown.join(" or ")}. There are: ${known.join(", ")}`)
  }
  return {
    rounds: whole("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    heat: positive("heat", values.heat),
    warmup: positive("warmup", values.warmup),
    connections: whole("connections", values.connections),
    only,
    source: values.source,
  }
}
