import { Context, Data, type Effect } from "effect"

export class TrialTasksUnavailable extends Data.TaggedError("TrialTasksUnavailable")<{
  readonly cause: unknown
}> {}

/** Whether one more task is within the limit. */
export interface TaskTaken {
  readonly allowed: boolean
  /** Tasks of the day that count, this one included when it is allowed. */
  readonly count: number
}

/**
 * Counts the tasks of trial customers, per customer and UTC day (SPEC 5): atomically, so that of any number that
 * come at once exactly the limit is allowed. A counter outlives its day by a few hours at most.
 */
export class TrialTasks extends Context.Service<
  TrialTasks,
  {
    /** Counts one, if it is within `limit`. `day` is `YYYY-MM-DD`. */
    readonly take: (
      customerId: string,
      day: string,
      limit: number,
    ) => Effect.Effect<TaskTaken, TrialTasksUnavailable>
    /** Takes one back that was allowed and not done. Never below zero. */
    readonly giveBack: (customerId: string, day: string) => Effect.Effect<void, TrialTasksUnavailable>
  }
>()("gateway/policy/TrialTasks") {}
