import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * Flags of single customers (SPEC 11), whoever changes them: the gateway, or a person with SQL. Triggers keep the
 * history, and number each change so that every instance can ask what is new.
 *
 * A person says who they are and why with `SELECT set_config('gateway.changed_by', 'ada', true)` and `gateway.reason`,
 * within the transaction; else the name is `updated_by` if the statement changes that, or the user of the session.
 */
export const up = SqlClient.SqlClient.use((sql) =>
  Effect.all(
    [
      // "C" is the order of code points, in which everything is read page by page.
      sql`CREATE TABLE gateway_feature_flags (
        customer_id text COLLATE "C" PRIMARY KEY,
        gateway_enabled boolean NOT NULL DEFAULT false,
        -- A name that is not known is refused: misspelt, it would say that a layer is off which is on.
        middleware_config jsonb NOT NULL DEFAULT '{"auth":true,"rbac":false,"policy":false}'
          CONSTRAINT middleware_config_has_only_auth_rbac_policy_budget_as_booleans CHECK (
            CASE jsonb_typeof(middleware_config) WHEN 'object' THEN
              middleware_config - ARRAY['auth', 'rbac', 'policy', 'budget'] = '{}'
              AND NOT jsonb_path_exists(middleware_config, 'strict $.* ? (@.type() != "boolean")')
            ELSE false END
          ),
        rollout_cohort text,
        -- The version of the row, because it grows with each change.
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_by text NOT NULL DEFAULT session_user
      )`,
      // What a row said, as jsonb: null where there was none.
      sql`CREATE TABLE gateway_feature_flag_history (
        revision bigint NOT NULL,
        customer_id text COLLATE "C" NOT NULL,
        changed_at timestamptz NOT NULL,
        changed_by text NOT NULL,
        old jsonb,
        new jsonb,
        reason text,
        PRIMARY KEY (revision, customer_id)
      )`,
      sql`CREATE INDEX gateway_feature_flag_history_of_customer
        ON gateway_feature_flag_history (customer_id, revision)`,
      // The history has every change since the revision history_since.
      sql`CREATE TABLE gateway_flag_revision (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        revision bigint NOT NULL,
        history_since bigint NOT NULL
      )`,
      // Microseconds, so that no revision of a database that was here before is taken for one of this.
      sql`INSERT INTO gateway_flag_revision (revision, history_since)
        SELECT micros, micros FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros) AS now`,

      sql`CREATE FUNCTION gateway_flags_next_revision() RETURNS bigint
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        DECLARE
          next_revision bigint;
        BEGIN
          UPDATE gateway_flag_revision SET revision = revision + 1 RETURNING revision INTO next_revision;
          IF NOT FOUND THEN
            RAISE 'gateway_flag_revision has lost its row, and without it the gateway would not learn of this change.';
          END IF;
          PERFORM pg_notify('gateway_flags', next_revision::text);
          RETURN next_revision;
        END $$`,
      // For every table that the flags are read from. BEFORE a statement it makes the writers queue, so that revisions
      // are committed in their order; and before they lock anything else, so that no two wait for each other. AFTER it,
      // there is a new revision.
      sql`CREATE FUNCTION gateway_flags_changed() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
          IF TG_WHEN = 'BEFORE' THEN
            PERFORM FROM gateway_flag_revision FOR UPDATE;
          ELSE
            PERFORM gateway_flags_next_revision();
          END IF;
          RETURN NULL;
        END $$`,
      // Whoever the transaction names; null where it names nobody.
      sql`CREATE FUNCTION gateway_flags_changer() RETURNS text
        LANGUAGE sql STABLE AS $$ SELECT NULLIF(current_setting('gateway.changed_by', true), '') $$`,
      sql`CREATE TRIGGER gateway_feature_flags_queue BEFORE INSERT OR UPDATE OR DELETE ON gateway_feature_flags
        FOR EACH STATEMENT EXECUTE FUNCTION gateway_flags_changed()`,

      sql`CREATE FUNCTION gateway_feature_flags_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.updated_at := clock_timestamp();
          IF TG_OP = 'UPDATE' THEN
            NEW.updated_at := GREATEST(NEW.updated_at, OLD.updated_at + interval '1 microsecond');
            IF NEW.updated_by = OLD.updated_by THEN
              NEW.updated_by := session_user;
            END IF;
          END IF;
          NEW.updated_by := COALESCE(NULLIF(current_setting('gateway.changed_by', true), ''), NEW.updated_by, session_user);
          RETURN NEW;
        END $$`,
      sql`CREATE TRIGGER gateway_feature_flags_stamp BEFORE INSERT OR UPDATE ON gateway_feature_flags
        FOR EACH ROW EXECUTE FUNCTION gateway_feature_flags_stamp()`,

      sql`CREATE FUNCTION gateway_feature_flags_said(gateway_enabled boolean, middleware_config jsonb, rollout_cohort text)
        RETURNS jsonb LANGUAGE sql STABLE AS $$
          SELECT jsonb_build_object('gateway_enabled', gateway_enabled, 'middleware_config', middleware_config,
            'rollout_cohort', rollout_cohort)
        $$`,
      // One revision for a statement, however many rows it changes; none where it changes none.
      sql`CREATE FUNCTION gateway_feature_flags_record() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        DECLARE
          next_revision bigint;
          changer text := COALESCE(gateway_flags_changer(), session_user);
          reason text := NULLIF(current_setting('gateway.reason', true), '');
        BEGIN
          IF TG_OP = 'INSERT' THEN
            IF EXISTS (SELECT FROM new_rows) THEN
              next_revision := gateway_flags_next_revision();
              INSERT INTO gateway_feature_flag_history
              SELECT next_revision, customer_id, updated_at, updated_by, NULL,
                gateway_feature_flags_said(gateway_enabled, middleware_config, rollout_cohort), reason
              FROM new_rows;
            END IF;
          ELSIF TG_OP = 'UPDATE' THEN
            IF EXISTS (SELECT FROM new_rows) THEN
              next_revision := gateway_flags_next_revision();
              -- A row that is given to another customer is removed from the one, and new for the other.
              INSERT INTO gateway_feature_flag_history
              SELECT next_revision, customer_id, COALESCE(n.updated_at, clock_timestamp()),
                COALESCE(n.updated_by, changer),
                CASE WHEN o.updated_at IS NOT NULL THEN
                  gateway_feature_flags_said(o.gateway_enabled, o.middleware_config, o.rollout_cohort) END,
                CASE WHEN n.updated_at IS NOT NULL THEN
                  gateway_feature_flags_said(n.gateway_enabled, n.middleware_config, n.rollout_cohort) END,
                reason
              FROM old_rows o FULL JOIN new_rows n USING (customer_id);
            END IF;
          ELSIF EXISTS (SELECT FROM old_rows) THEN
            next_revision := gateway_flags_next_revision();
            INSERT INTO gateway_feature_flag_history
            SELECT next_revision, customer_id, clock_timestamp(), changer,
              gateway_feature_flags_said(gateway_enabled, middleware_config, rollout_cohort), NULL, reason
            FROM old_rows;
          END IF;
          RETURN NULL;
        END $$`,
      sql`CREATE TRIGGER gateway_feature_flags_record_insert AFTER INSERT ON gateway_feature_flags
        REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION gateway_feature_flags_record()`,
      sql`CREATE TRIGGER gateway_feature_flags_record_update AFTER UPDATE ON gateway_feature_flags
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION gateway_feature_flags_record()`,
      sql`CREATE TRIGGER gateway_feature_flags_record_delete AFTER DELETE ON gateway_feature_flags
        REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION gateway_feature_flags_record()`,

      // It does not say which rows there were, so nobody could learn which are gone.
      sql`CREATE FUNCTION gateway_feature_flags_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE feature_not_supported USING MESSAGE =
            'gateway_feature_flags is not truncated, because the gateway would not learn of it. DELETE the rows.';
        END $$`,
      sql`CREATE TRIGGER gateway_feature_flags_refuse_truncate BEFORE TRUNCATE ON gateway_feature_flags
        FOR EACH STATEMENT EXECUTE FUNCTION gateway_feature_flags_refuse_truncate()`,

      // Who knows no more than what is gone reads everything anew.
      sql`CREATE FUNCTION gateway_feature_flag_history_forgotten() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
          UPDATE gateway_flag_revision SET history_since = revision;
          RETURN NULL;
        END $$`,
      sql`CREATE TRIGGER gateway_feature_flag_history_forgotten AFTER DELETE OR TRUNCATE ON gateway_feature_flag_history
        FOR EACH STATEMENT EXECUTE FUNCTION gateway_feature_flag_history_forgotten()`,
    ],
    { discard: true },
  ),
)

export const tables = ["gateway_feature_flags", "gateway_feature_flag_history", "gateway_flag_revision"]

export const down = SqlClient.SqlClient.use((sql) =>
  Effect.all(
    [
      sql`DROP TABLE gateway_feature_flags, gateway_feature_flag_history, gateway_flag_revision`,
      sql`DROP FUNCTION gateway_flags_next_revision, gateway_flags_changed, gateway_flags_changer,
        gateway_feature_flags_stamp, gateway_feature_flags_said, gateway_feature_flags_record,
        gateway_feature_flags_refuse_truncate, gateway_feature_flag_history_forgotten`,
    ],
    { discard: true },
  ),
)
