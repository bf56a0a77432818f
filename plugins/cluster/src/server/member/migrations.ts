import type { ClientBase } from "pg";
import { migrateSchema, type Migration } from "../../../../shared/migrations";

/** Each entry is a version; a published one never changes. */
const versions: readonly Migration[] = [
  (schema) => `
    CREATE TABLE ${schema}.replicas (
      id uuid PRIMARY KEY,
      name text NOT NULL,
      started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL
    );
    -- An id is taken up again only after a while: ids are made of seconds, the worker id and a counter from 0.
    CREATE TABLE ${schema}.worker_ids (
      id int PRIMARY KEY,
      owner uuid UNIQUE REFERENCES ${schema}.replicas ON DELETE SET NULL,
      used_at timestamptz NOT NULL DEFAULT '-infinity'
    );
    INSERT INTO ${schema}.worker_ids (id) SELECT generate_series(0, 31);
    CREATE TABLE ${schema}.messages (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      channel text NOT NULL,
      body text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    CREATE INDEX ON ${schema}.messages (created_at);
    -- Unlogged: taking a lock then costs no write to disk. Holders claim theirs again after a crash of the server.
    CREATE UNLOGGED TABLE ${schema}.locks (
      key text PRIMARY KEY,
      owner uuid NOT NULL,
      token uuid NOT NULL,
      expires_at timestamptz NOT NULL,
      wanted boolean NOT NULL DEFAULT false
    );
    CREATE TABLE ${schema}.tasks (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      channel text NOT NULL,
      content jsonb,
      options jsonb NOT NULL,
      retried int NOT NULL DEFAULT 0,
      handovers int NOT NULL DEFAULT 0,
      available_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      owner uuid
    );
    CREATE INDEX ON ${schema}.tasks (channel, id) WHERE owner IS NULL;
    CREATE INDEX ON ${schema}.tasks (owner) WHERE owner IS NOT NULL;
    CREATE SEQUENCE ${schema}.cache_version;
    CREATE UNLOGGED TABLE ${schema}.cache (
      key text PRIMARY KEY,
      value text,
      version bigint NOT NULL,
      changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      expires_at timestamptz NOT NULL DEFAULT 'infinity'
    );
  `,
];

/** Brings the plugin's schema to this version. */
export async function migrate(client: ClientBase, schemaName: string): Promise<void> {
  await migrateSchema(client, schemaName, versions);
}
