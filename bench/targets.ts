/** The claims that the bench checks, as facts of this run. */
import { type Comparison, compare, type Spread } from "./stats.ts"
import type { Sample } from "./types.ts"

interface Target {
  readonly claim: string
  readonly rung: string
  readonly against: string
  /** Whether a median ratio fulfils the claim. */
  readonly holds: (ratio: number) => boolean
}

const atMost = (limit: number) => (ratio: number) => ratio <= limit
const below = (limit: number) => (ratio: number) => ratio < limit

const targets: ReadonlyArray<Target> = [
  {
    claim: "bare hop <= 1.3x node-undici",
    rung: "gateway-bare",
    against: "node-undici",
    holds: atMost(1.3),
  },
  {
    claim: "bare hop < fastify-http-proxy",
    rung: "gateway-bare",
    against: "fastify-http-proxy",
    holds: below(1),
  },
  {
    claim: "with auth < fastify-http-proxy",
    rung: "gateway-auth",
    against: "fastify-http-proxy",
    holds: below(1),
  },
]

export interface Finding {
  readonly claim: string
  readonly rung: string
  readonly against: string
  readonly measured?: Comparison
  /** Absent if not measured. Both ratios, CPU and elapsed time per request, have to hold. */
  readonly met?: boolean
}

export const findings = (samples: ReadonlyArray<Sample>): ReadonlyArray<Finding> =>
  targets.map(({ claim, rung, against, holds }) => {
    const measured = compare(samples, rung, against)
    if (measured === undefined) return { claim, rung, against }
    const met = holds(measured.cpu.median) && holds(measured.time.median)
    return { claim, rung, against, measured, met }
  })

const ratio = ({ median, min, max }: Spread): string =>
  `${median.toFixed(2)}x (${min.toFixed(2)}-${max.toFixed(2)})`

/** One line per target. */
export const describe = ({ claim, measured, met }: Finding): string =>
  measured === undefined
    ? `${claim}: not measured`
    : `${claim}: measured ${ratio(measured.cpu)} CPU per request, ` +
      `${ratio(measured.time)} time per request: ${met ? "met" : "NOT met"}`
