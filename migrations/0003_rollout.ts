import { Effect } from "effect"
import { SqlClient } from "effect/sql"

/**
 * The rollout (SPEC 11): one row, whoever changes it: the gateway, or a person with SQL. Triggers keep the history, and
 * tell the instances as those of the flags do; a person says who they are and why in the same way.
 */
export const up = SqlClient.SqlClient.use((sql) =>
  Effect.all(
    [
      sql`CREATE TABLE gateway_rollout (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        state text NOT NULL CHECK (state IN ('running', 'paused', 'inconclusive', 'aborted', 'promoted')),
        cohort text CHECK (cohort IN ('canary_5pct', 'canary_25pct', 'canary_50pct', 'stable_100pct')),
        automatic boolean NOT NULL DEFAULT false,
        step integer NOT NULL DEFAULT 1 CHECK (step > 0),
        step_started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        updated_by text NOT NULL DEFAULT COALESCE(gateway_flags_changer(), session_user),
        reason text NOT NULL DEFAULT COALESCE(NULLIF(current_setting('gateway.reason', true), ''), 'Set in SQL.'),
        -- Who changes the row says which version they have read; a change that leaves it as it is was made by hand.
        version bigint NOT NULL DEFAULT 1,
        -- What the last change was, and what was seen when it was made.
        action text NOT NULL DEFAULT 'set'
          CHECK (action IN ('start', 'advance', 'pause', 'resume', 'abort', 'promote', 'judge-inconclusive', 'set')),
        evidence jsonb,
        CONSTRAINT aborted_is_without_cohort_and_else_there_is_one CHECK ((cohort IS NULL) = (state = 'aborted')),
        CONSTRAINT promoted_is_stable_100pct CHECK (state <> 'promoted' OR cohort = 'stable_100pct')
      )`,
      sql`CREATE TABLE gateway_rollout_history (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL,
        action text NOT NULL,
        -- The row; null where there was none.
        before jsonb,
        after jsonb NOT NULL,
        evidence jsonb
      )`,
      // What an instance has seen of a step in the span of time that ended then.
      sql`CREATE TABLE gateway_rollout_samples (
        step integer NOT NULL,
        instance text NOT NULL,
        span text NOT NULL CHECK (span IN ('minute', 'five-minutes', 'half-hour', 'step')),
        "group" text NOT NULL CHECK ("group" IN ('canary', 'control')),
        until timestamptz NOT NULL,
        requests bigint NOT NULL CHECK (requests >= 0),
        errors bigint NOT NULL CHECK (errors BETWEEN 0 AND requests),
        -- How many requests took how long, by the index of the bucket.
        latencies jsonb NOT NULL,
        PRIMARY KEY (step, instance, span, "group")
      )`,

      sql`CREATE FUNCTION gateway_rollout_stamp() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
          IF NEW.version <> OLD.version THEN
            RETURN NEW;
          END IF;
          NEW.version := OLD.version + 1;
          NEW.action := 'set';
          NEW.evidence := NULL;
          IF NEW.state = 'aborted' THEN
            NEW.cohort := NULL;
          END IF;
          IF NEW.cohort IS DISTINCT FROM OLD.cohort THEN
            NEW.step := OLD.step + 1;
            NEW.step_started_at := clock_timestamp();
          END IF;
          NEW.updated_at := GREATEST(clock_timestamp(), OLD.updated_at);
          IF NEW.updated_by = OLD.updated_by THEN
            NEW.updated_by := COALESCE(gateway_flags_changer(), session_user);
          END IF;
          IF NEW.reason = OLD.reason THEN
            NEW.reason := COALESCE(NULLIF(current_setting('gateway.reason', true), ''), 'Set in SQL.');
          END IF;
          RETURN NEW;
        END $$`,
      sql`CREATE FUNCTION gateway_rollout_record() RETURNS trigger
        LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        DECLARE
          of_the_event text[] := ARRAY['one', 'action', 'evidence'];
        BEGIN
          INSERT INTO gateway_rollout_history (at, action, before, after, evidence)
          VALUES (NEW.updated_at, NEW.action, to_jsonb(OLD) - of_the_event, to_jsonb(NEW) - of_the_event, NEW.evidence);
          DELETE FROM gateway_rollout_samples
          WHERE step <> NEW.step AND until < NEW.updated_at - interval '7 days';
          RETURN NULL;
        END $$`,
      sql`CREATE TRIGGER queue
        BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON gateway_rollout
        FOR EACH STATEMENT EXECUTE FUNCTION gateway_flags_changed()`,
      sql`CREATE TRIGGER stamp BEFORE UPDATE ON gateway_rollout
        FOR EACH ROW EXECUTE FUNCTION gateway_rollout_stamp()`,
      sql`CREATE TRIGGER record AFTER INSERT OR UPDATE ON gateway_rollout
        FOR EACH ROW EXECUTE FUNCTION gateway_rollout_record()`,
      // For each row, of which there is one: who was too late to change it has changed nothing.
      sql`CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON gateway_rollout
        FOR EACH ROW EXECUTE FUNCTION gateway_flags_changed()`,
      sql`CREATE TRIGGER tell_truncated AFTER TRUNCATE ON gateway_rollout
        FOR EACH STATEMENT EXECUTE FUNCTION gateway_flags_changed()`,
    ],
    { discard: true },
  ),
)

export const tables = ["gateway_rollout", "gateway_rollout_history", "gateway_rollout_samples"]

export const down = SqlClient.SqlClient.use((sql) =>
  Effect.all(
    [
      sql`DROP TABLE gateway_rollout, gateway_rollout_history, gateway_rollout_samples`,
      sql`DROP FUNCTION gateway_rollout_stamp, gateway_rollout_record`,
    ],
    { discard: true },
  ),
)
