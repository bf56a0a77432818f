import type { ClientBase } from "pg";
import { migrateSchema, type Migration } from "../../../../shared/migrations";

/** Schema of the registry's tables, in a database of the fleet's own that the entry app's role owns. */
export const REGISTRY_SCHEMA = "fleet";
/** What the entry app listens to. A member listens to a channel named as its role. Payloads are empty: hints, never data. */
export const CONTROL_CHANNEL = "fleet control";
/** A command that ended its environment this often while it was carried out is not tried again. */
export const MOST_ATTEMPTS = 3;
/** A member that was silent for longer is shown as unavailable. Milliseconds. */
export const SILENT_MS = 10_000;

/**
 * Members, roles that may connect to the database and nothing else, have no right to any table. They call the
 * functions, which run as the owner and act on the caller's own rows alone: those of `session_user`, which no
 * SET ROLE changes.
 */
const versions: readonly Migration[] = [
  (schema) => `
    REVOKE ALL ON SCHEMA ${schema} FROM PUBLIC;
    GRANT USAGE ON SCHEMA ${schema} TO PUBLIC;

    -- What the stack files say: written by the entry app, never by a member.
    CREATE TABLE ${schema}.declared_environments (
      name text PRIMARY KEY,
      stack text NOT NULL,
      role text NOT NULL UNIQUE,
      title text NOT NULL,
      release text NOT NULL,
      url text NOT NULL
    );
    CREATE TABLE ${schema}.declared_apps (
      name text PRIMARY KEY,
      stack text NOT NULL,
      role text NOT NULL,
      title text NOT NULL,
      isolation text NOT NULL,
      environment text,
      release text NOT NULL,
      url text NOT NULL,
      state text NOT NULL,
      -- Where its processes may be: what they say of themselves counts only if it is here.
      addresses text[]
    );
    CREATE INDEX ON ${schema}.declared_apps (role);

    CREATE TABLE ${schema}.members (
      role text NOT NULL,
      replica text NOT NULL,
      session uuid NOT NULL,
      info jsonb NOT NULL CHECK (pg_column_size(info) < 4096),
      entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      left_at timestamptz,
      PRIMARY KEY (role, replica)
    );
    CREATE TABLE ${schema}.states (
      role text NOT NULL,
      replica text NOT NULL,
      app text NOT NULL CHECK (length(app) < 200),
      status text NOT NULL CHECK (status IN ('running', 'starting', 'stopped', 'failed')),
      held boolean NOT NULL,
      error text,
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (role, replica, app),
      FOREIGN KEY (role, replica) REFERENCES ${schema}.members ON DELETE CASCADE
    );
    CREATE TABLE ${schema}.commands (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      request_id uuid NOT NULL UNIQUE,
      role text NOT NULL,
      app text NOT NULL,
      action text NOT NULL CHECK (action IN ('start', 'stop', 'restart')),
      requested_by text NOT NULL,
      requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL,
      session uuid,
      attempts int NOT NULL DEFAULT 0,
      begun_at timestamptz,
      finished_at timestamptz,
      outcome text CHECK (outcome IN ('done', 'failed', 'timed out')),
      error text,
      -- Raised with each change, so that who follows reads only what is new.
      change bigint NOT NULL
    );
    CREATE SEQUENCE ${schema}.changes;
    ALTER TABLE ${schema}.commands ALTER change SET DEFAULT nextval('${schema}.changes');
    CREATE INDEX ON ${schema}.commands (role, id) WHERE finished_at IS NULL;
    CREATE INDEX ON ${schema}.commands (change);

    CREATE FUNCTION ${schema}.enter(given_replica text, given_session uuid, given_info jsonb) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      INSERT INTO ${schema}.members (role, replica, session, info)
      VALUES (session_user, given_replica, given_session, given_info)
      ON CONFLICT (role, replica) DO UPDATE
        SET session = excluded.session, info = excluded.info, left_at = NULL,
            entered_at = clock_timestamp(), seen_at = clock_timestamp();
      PERFORM pg_notify('${CONTROL_CHANNEL}', '');
    END $$;

    -- 'ok', 'unknown' where the member has not entered, 'superseded' where a later process of its name has.
    CREATE FUNCTION ${schema}.report(given_replica text, given_session uuid, given_info jsonb, given_apps jsonb)
    RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      known ${schema}.members;
      touched int;
      gone int;
    BEGIN
      SELECT * INTO known FROM ${schema}.members
      WHERE role = session_user AND replica = given_replica FOR UPDATE;
      IF NOT FOUND THEN RETURN 'unknown'; END IF;
      IF known.session <> given_session THEN RETURN 'superseded'; END IF;
      UPDATE ${schema}.members SET seen_at = clock_timestamp(), info = given_info
      WHERE role = session_user AND replica = given_replica;
      IF given_apps IS NOT NULL THEN
        INSERT INTO ${schema}.states AS state (role, replica, app, status, held, error)
        SELECT session_user, given_replica, each.app, each.status, each.held, left(each.error, 4000)
        FROM jsonb_to_recordset(given_apps) AS each (app text, status text, held boolean, error text)
        ON CONFLICT (role, replica, app) DO UPDATE
          SET status = excluded.status, held = excluded.held, error = excluded.error,
              changed_at = clock_timestamp()
          WHERE (state.status, state.held, state.error)
            IS DISTINCT FROM (excluded.status, excluded.held, excluded.error);
        GET DIAGNOSTICS touched = ROW_COUNT;
        DELETE FROM ${schema}.states WHERE role = session_user AND replica = given_replica
          AND app NOT IN (SELECT value ->> 'app' FROM jsonb_array_elements(given_apps));
        GET DIAGNOSTICS gone = ROW_COUNT;
      END IF;
      IF touched + gone > 0 OR known.seen_at < clock_timestamp() - interval '${SILENT_MS} milliseconds' THEN
        PERFORM pg_notify('${CONTROL_CHANNEL}', '');
      END IF;
      RETURN 'ok';
    END $$;

    CREATE FUNCTION ${schema}.leave(given_replica text, given_session uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE ${schema}.members SET left_at = clock_timestamp()
      WHERE role = session_user AND replica = given_replica AND session = given_session;
      PERFORM pg_notify('${CONTROL_CHANNEL}', '');
    END $$;

    CREATE FUNCTION ${schema}.open_commands()
    RETURNS TABLE (id bigint, app text, action text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      SELECT command.id, command.app, command.action
      FROM ${schema}.commands AS command
      WHERE command.role = session_user AND command.finished_at IS NULL
        AND command.expires_at > clock_timestamp()
      ORDER BY command.id
    $$;

    CREATE FUNCTION ${schema}.begin_command(given_id bigint, given_session uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      wanted ${schema}.commands;
    BEGIN
      SELECT * INTO wanted FROM ${schema}.commands AS command
      WHERE command.id = given_id AND command.role = session_user FOR UPDATE;
      IF NOT FOUND OR wanted.finished_at IS NOT NULL OR wanted.expires_at <= clock_timestamp()
        OR NOT EXISTS (SELECT FROM ${schema}.members WHERE role = session_user AND session = given_session)
        -- Another living process of this member has it.
        OR EXISTS (SELECT FROM ${schema}.members AS other
          WHERE other.role = session_user AND other.session = wanted.session AND other.session <> given_session AND other.left_at IS NULL
            AND other.seen_at > clock_timestamp() - interval '${SILENT_MS} milliseconds')
        OR EXISTS (SELECT FROM ${schema}.commands AS earlier
          WHERE earlier.role = session_user AND earlier.app = wanted.app AND earlier.id < wanted.id
            AND earlier.finished_at IS NULL AND earlier.expires_at > clock_timestamp())
      THEN RETURN false; END IF;
      -- Begun already, and the answer was lost on its way.
      IF wanted.session = given_session THEN RETURN true; END IF;
      IF wanted.attempts >= ${MOST_ATTEMPTS} THEN
        UPDATE ${schema}.commands SET finished_at = clock_timestamp(), outcome = 'failed',
          error = 'its environment ended ${MOST_ATTEMPTS} times while it carried this out',
          change = nextval('${schema}.changes')
        WHERE commands.id = given_id;
        PERFORM pg_notify('${CONTROL_CHANNEL}', '');
        RETURN false;
      END IF;
      UPDATE ${schema}.commands SET session = given_session, begun_at = clock_timestamp(),
        attempts = attempts + 1, change = nextval('${schema}.changes')
      WHERE commands.id = given_id;
      PERFORM pg_notify('${CONTROL_CHANNEL}', '');
      RETURN true;
    END $$;

    -- One that took longer than its time gets its real outcome nevertheless.
    CREATE FUNCTION ${schema}.finish_command(given_id bigint, given_session uuid, given_error text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      UPDATE ${schema}.commands SET finished_at = clock_timestamp(), error = left(given_error, 4000),
        outcome = CASE WHEN given_error IS NULL THEN 'done' ELSE 'failed' END,
        change = nextval('${schema}.changes')
      WHERE commands.id = given_id AND role = session_user AND session = given_session
        AND (finished_at IS NULL OR outcome = 'timed out');
      IF FOUND THEN PERFORM pg_notify('${CONTROL_CHANNEL}', ''); END IF;
      RETURN FOUND;
    END $$;
  `,
];

/** Brings the registry to this version; its owner alone may. */
export async function migrateRegistry(client: ClientBase): Promise<void> {
  await migrateSchema(client, REGISTRY_SCHEMA, versions);
}
