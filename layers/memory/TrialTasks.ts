import { Effect, Layer } from "effect"
import { TrialTasks } from "../../src/policy/TrialTasks.ts"

/** The present one, and the one before for what is given back after midnight. */
const daysKept = 2

/** Counts in this process alone. */
export const layer = Layer.effect(
  TrialTasks,
  Effect.sync(() => {
    /** Tasks by customer, by day; the day that was met first goes first. */
    const days = new Map<string, Map<string, number>>()

    const countsOf = (day: string): Map<string, number> => {
      const known = days.get(day)
      if (known !== undefined) return known
      const counts = new Map<string, number>()
      days.set(day, counts)
      for (const old of days.keys()) if (days.size > daysKept) days.delete(old)
      return counts
    }

    return TrialTasks.of({
      take: (customerId, day, limit) =>
        Effect.sync(() => {
          const counts = countsOf(day)
          const count = counts.get(customerId) ?? 0
          if (count >= limit) return { allowed: false, count }
          counts.set(customerId, count + 1)
          return { allowed: true, count: count + 1 }
        }),
      giveBack: (customerId, day) =>
        Effect.sync(() => {
          const counts = days.get(day)
          const count = counts?.get(customerId) ?? 0
          if (count > 0) counts?.set(customerId, count - 1)
        }),
    })
  }),
)
