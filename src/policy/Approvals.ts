import { Context, Data, Effect, Layer, type Option } from "effect"
import type { Action } from "./Action.ts"

export class ApprovalsUnavailable extends Data.TaggedError("ApprovalsUnavailable")<{
  readonly cause: unknown
}> {}

export const approvalStatuses = ["pending", "approved", "denied", "consumed"] as const
export type ApprovalStatus = (typeof approvalStatuses)[number]

/** What somebody wants a Governor to approve. */
export interface ApprovalRequest {
  readonly action: Action
  readonly customerId: string
  /** The canonical path; for `budget.override` the agent's id. */
  readonly resource: string
  readonly method: string
  readonly agentId: Option.Option<string>
  readonly requestedBy: string
  readonly correlationId: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** A row of `gateway_approvals`. Times in milliseconds since the epoch. */
export interface Approval extends ApprovalRequest {
  /** A random UUID: who does not know it cannot ask for it. */
  readonly id: string
  readonly status: ApprovalStatus
  readonly requestedAt: number
  readonly decidedAt: Option.Option<number>
  readonly decidedBy: Option.Option<string>
  readonly decisionReason: Option.Option<string>
  readonly consumedAt: Option.Option<number>
}

/** What came of deciding: it is decided, or nothing changed and why. */
export type DecideOutcome = "decided" | "not-found" | "already-decided" | "expired"

/**
 * Governor approvals (SPEC 5): one lives from `open` to `decide` to `consume`, is used once, and expires.
 */
export class Approvals extends Context.Service<
  Approvals,
  {
    /**
     * Records the wish and gives the approval to ask for. The same wish of the same person that is still pending and
     * unexpired is given back instead of a second one, so that a client that tries again does not flood the list.
     */
    readonly open: (request: ApprovalRequest) => Effect.Effect<Approval, ApprovalsUnavailable>
    /** None too when the id is no UUID. */
    readonly find: (id: string) => Effect.Effect<Option.Option<Approval>, ApprovalsUnavailable>
    /** The newest first, `limit` at most; all statuses, or one. */
    readonly list: (options: {
      readonly status: Option.Option<ApprovalStatus>
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<Approval>, ApprovalsUnavailable>
    /** Decides a pending, unexpired approval; of two who decide at once one wins. */
    readonly decide: (decision: {
      readonly id: string
      readonly approve: boolean
      readonly by: string
      readonly reason: string
    }) => Effect.Effect<DecideOutcome, ApprovalsUnavailable>
    /**
     * Uses it up, if it is approved, unexpired and bound to exactly this customer, action and resource: true for
     * exactly one of any number that try at once, on any number of instances.
     */
    readonly consume: (use: {
      readonly id: string
      readonly customerId: string
      readonly action: Action
      readonly resource: string
    }) => Effect.Effect<boolean, ApprovalsUnavailable>
  }
>()("gateway/policy/Approvals") {
  /** Where no stage asks for any: nothing is kept, and who asks all the same is told so. */
  static readonly layerOff = Layer.suspend(() =>
    Layer.succeed(Approvals, { open: none, find: none, list: none, decide: none, consume: none }),
  )
}

const none = () => Effect.fail(new ApprovalsUnavailable({ cause: "No approvals are kept here." }))
