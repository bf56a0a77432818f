/**
 * The PostgreSQL client, loaded with the first connection: most runs of a plugin only compare, and loading it would
 * double the time that the plugin takes to start.
 */
type Pg = typeof import("pg");

let loaded: Pg | undefined;

export async function loadPg(): Promise<Pg> {
  return (loaded ??= await import("pg"));
}

/** Statements are only put together on a connection. */
function pg(): Pg {
  if (!loaded) throw new Error("pg is used before a connection was made");
  return loaded;
}

/** A name in double quotes. */
export function escapeIdentifier(name: string): string {
  return pg().escapeIdentifier(name);
}

/** A text in single quotes. */
export function escapeLiteral(text: string): string {
  return pg().escapeLiteral(text);
}
