import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/** Governor approvals (SPEC 5): one row for each that was ever asked for. */
export const up = SqlClient.SqlClient.use((sql) =>
  Effect.all(
    [
      sql`CREATE TABLE gateway_approvals (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        -- A digest of what is wished for, so that an equal wish finds it; null once it expired and was wished for anew.
        wish bytea,
        action text NOT NULL CHECK (action IN (
          'agent.create', 'agent.delete', 'execution.external', 'budget.override', 'system.configuration',
          'customer.delete', 'data.export', 'billing.update', 'subscription.change'
        )),
        customer_id text NOT NULL,
        resource text NOT NULL,
        method text NOT NULL,
        agent_id text,
        requested_by text NOT NULL,
        correlation_id text NOT NULL,
        requested_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'denied', 'consumed')),
        decided_at timestamptz,
        decided_by text,
        decision_reason text,
        consumed_at timestamptz,
        CHECK (num_nulls(decided_at, decided_by, decision_reason) = CASE status WHEN 'pending' THEN 3 ELSE 0 END),
        CHECK ((consumed_at IS NOT NULL) = (status = 'consumed'))
      )`,
      sql`CREATE UNIQUE INDEX gateway_approvals_pending_wish ON gateway_approvals (wish) WHERE status = 'pending'`,
      sql`CREATE INDEX gateway_approvals_newest ON gateway_approvals (requested_at DESC, id DESC)`,
      sql`CREATE INDEX gateway_approvals_newest_of_status ON gateway_approvals (status, requested_at DESC, id DESC)`,
    ],
    { discard: true },
  ),
)

export const tables = ["gateway_approvals"]

export const down = SqlClient.SqlClient.use((sql) => Effect.asVoid(sql`DROP TABLE gateway_approvals`))
