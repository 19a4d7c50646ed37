import { Clock, Effect, Layer } from "effect"
import { type AuditEvent, AuditLog } from "../../src/audit/AuditLog.ts"
import type { MintOptions } from "../../src/auth/Mint.ts"
import type { Cohort } from "../../src/flags/Cohort.ts"
import { allMiddleware, type Middleware } from "../../src/flags/CustomerFlags.ts"
import { KeptFlags } from "../../src/flags/KeptFlags.ts"
import { Rollouts } from "../../src/flags/Rollouts.ts"
import { bySpan } from "../../src/flags/Samples.ts"
import type { PortalId } from "../../src/portals/Portal.ts"
import { type Setup, startGateway } from "../GatewayUnderTest.ts"
import { until } from "../Until.ts"
import type { Sent } from "../Wire.ts"
import { feedBecomes, record, rolloutAt, write } from "./FlagsUnderTest.ts"
import { MemoryFlags } from "./MemoryFlags.ts"
import { RolloutStore } from "./MemoryRollouts.ts"

/** What the row of a customer says; what it leaves out is on. */
export interface Row {
  readonly enabled?: boolean
  readonly middleware?: Partial<Middleware>
}
export const notEnrolled: Row = { enabled: false }

export interface FlaggedSetup extends Setup {
  /** By customer. */
  readonly rows?: Readonly<Record<string, Row>>
  /** How far the rollout is that runs. */
  readonly rollout?: Cohort
  /** The database of the flags does not answer. */
  readonly away?: boolean
}

/** What is asked, and by whom. */
export interface Asked extends Partial<Sent> {
  readonly portal?: PortalId
  readonly as?: MintOptions
}

/** A gateway over a database in memory that has these flags, with what it puts on record. */
export const startFlagged = Effect.fnUntraced(function* (flagged: FlaggedSetup) {
  const { ports = Layer.empty, ...setup } = flagged
  const audited: Array<AuditEvent> = []
  const store = new RolloutStore()
  const gateway = yield* startGateway({
    ...setup,
    ports: Layer.mergeAll(
      ports,
      Layer.effectDiscard(Effect.orDie(written(flagged))).pipe(Layer.provideMerge(MemoryFlags.layer)),
      KeptFlags.layerOff,
      Layer.succeed(Rollouts, store.rollouts),
      Layer.succeed(AuditLog, { record: (event) => Effect.sync(() => void audited.push(event)) }),
    ),
  })
  // What is told of requests before the rollout is followed is told to nobody.
  if (flagged.rollout !== undefined) yield* until(() => store.asked > 0)

  /** The Authorization header of a token. */
  const bearer = (portal: PortalId, as?: MintOptions) =>
    Effect.map(gateway.token(portal, as), (token) => `Bearer ${token}`)
  return {
    ...gateway,
    bearer,
    audited,
    /** By default a customer reads the agents. Paths are without the portal's prefix. */
    ask: ({ portal = "CP", as, path = "/api/v1/agents", headers, ...sent }: Asked = {}) =>
      Effect.flatMap(bearer(portal, as), (authorization) =>
        gateway.send({
          ...sent,
          path: `/${portal.toLowerCase()}${path}`,
          headers: { ...headers, authorization },
        }),
      ),
    /** What the rollout has been told so far. */
    told: Effect.map(
      Effect.orDie(
        store.rollouts.seen(
          1,
          bySpan(() => 0),
        ),
      ),
      ({ step }) => step,
    ),
  }
})

const written = Effect.fnUntraced(function* ({ rows = {}, rollout, away }: FlaggedSetup) {
  for (const [customerId, { enabled = true, middleware }] of Object.entries(rows)) {
    yield* write(customerId, { gatewayEnabled: enabled, middleware: { ...allMiddleware, ...middleware } })
  }
  if (rollout !== undefined) {
    yield* record({
      ...rolloutAt(rollout),
      automatic: false,
      stepStartedAt: yield* Clock.currentTimeMillis,
    })
  }
  if (away === true) yield* feedBecomes("fails")
})

/** How many requests reached an upstream, health probes aside. */
export const requestsAt = ({ requests }: { readonly requests: ReadonlyArray<{ readonly url: string }> }) =>
  requests.filter(({ url }) => url !== "/health").length
