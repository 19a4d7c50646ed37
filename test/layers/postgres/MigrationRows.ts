import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { type Migrations, stepsOf } from "../../../layers/postgres/Migrations.ts"
import { unhurried } from "./MigrationWorld.ts"

/** How each table of the gateway gets rows, as many as there are in `numbers (n)`; or as many as it can have. */
const fillers: Readonly<Record<string, string>> = {
  gateway_approvals: `
    INSERT INTO gateway_approvals (wish, action, customer_id, resource, method, agent_id, requested_by, correlation_id,
      requested_at, expires_at, status, decided_at, decided_by, decision_reason, consumed_at)
    SELECT CASE WHEN n % 5 > 0 THEN sha256(n::text::bytea) END, 'agent.create', 'customer-' || n, '/api/v1/agents/' || n,
      'POST', CASE WHEN n % 2 = 0 THEN 'agent-' || n END, 'user-' || n, gen_random_uuid(), moment, moment + '1 day', status,
      decided_at, 'governor-' || extract(epoch FROM decided_at), E'Fine.\\n"' || decided_at || '" \\u00e4',
      CASE WHEN status = 'consumed' THEN decided_at END
    FROM numbers,
      LATERAL (SELECT '2026-01-01Z'::timestamptz + n * '1.000001 s'::interval AS moment,
        (ARRAY['pending', 'approved', 'denied', 'consumed'])[1 + n % 4] AS status) AS asked,
      LATERAL (SELECT CASE WHEN status <> 'pending' THEN moment + '1 hour' END AS decided_at) AS decided`,
  gateway_feature_flags: `
    INSERT INTO gateway_feature_flags (customer_id, gateway_enabled, middleware_config, rollout_cohort)
    SELECT 'customer-' || n, n % 2 = 0, jsonb_build_object('auth', true, 'rbac', n % 3 = 0),
      CASE WHEN n % 4 = 0 THEN 'canary_5pct' END
    FROM numbers`,
  // The flags' triggers have written the first.
  gateway_feature_flag_history: `
    UPDATE gateway_feature_flags SET gateway_enabled = NOT gateway_enabled`,
  gateway_flag_revision: `
    UPDATE gateway_flag_revision SET revision = revision + 7`,
  gateway_rollout: `
    INSERT INTO gateway_rollout (state, cohort, evidence) VALUES ('running', 'canary_5pct', 'null')`,
  gateway_rollout_history: `
    INSERT INTO gateway_rollout_history (at, action, before, after, evidence)
    SELECT '2026-01-01Z'::timestamptz + n * '1.000001 s'::interval, 'set', CASE WHEN n > 1 THEN '{}'::jsonb END,
      jsonb_build_object('n', n), NULL
    FROM numbers`,
  gateway_rollout_samples: `
    INSERT INTO gateway_rollout_samples (step, instance, span, "group", until, requests, errors, latencies)
    SELECT n, 'instance-' || n, 'minute', 'canary', '2026-01-01Z'::timestamptz + n * '1.000001 s'::interval, n, n / 2,
      jsonb_build_object(n::text, n)
    FROM numbers`,
}

/** Gives each table of these steps so many rows; fails for one of which nobody has said how. */
export const fillTables = (all: Migrations, rows: number) =>
  unhurried((sql) =>
    Effect.forEach(
      stepsOf(all).flatMap(({ tables }) => tables),
      (table) => {
        const filler = fillers[table] ?? assert.fail(`MigrationRows.ts does not say how ${table} is filled.`)
        return sql.unsafe(`WITH numbers (n) AS (SELECT generate_series(1, ${rows})) ${filler}`)
      },
      { discard: true },
    ),
  )
