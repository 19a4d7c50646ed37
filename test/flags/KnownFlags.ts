import { Option } from "effect"
import type { CustomerFlags } from "../../src/flags/CustomerFlags.ts"
import type { KnownFlags } from "../../src/flags/KeptFlags.ts"
import type { Rollout } from "../../src/flags/Rollout.ts"

const rollout: Rollout = {
  state: "running",
  cohort: Option.some("canary_25pct"),
  automatic: true,
  step: 2,
  stepStartedAt: 1_700_000_000_123,
  updatedAt: 1_700_000_000_456,
  updatedBy: "releaser-1",
  reason: 'It "went" well.\n',
  version: 7,
}

/** Flags whose rows all say which revision they are of. */
export const knownFlags = (revision: number, rowCount = 3): KnownFlags => {
  const rows = new Map<string, CustomerFlags>()
  for (let i = 0; i < rowCount; i++) {
    const customerId = `customer-${i}`
    rows.set(customerId, {
      customerId,
      gatewayEnabled: i % 2 === 0,
      middleware: { rbac: i % 3 === 0, policy: true, budget: i % 5 === 0 },
      rolloutCohort: i % 4 === 0 ? Option.none() : Option.some("canary_5pct"),
      updatedAt: 1_700_000_000_000 + i,
      updatedBy: `operator-${i}`,
      version: String(revision),
    })
  }
  return { revision, rows, rollout: Option.some(rollout) }
}
