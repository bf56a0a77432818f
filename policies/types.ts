/** Types of resources that policies are about, as the engine names them. */
export const ROLE = "postgresql:index/role:Role";
export const DATABASE = "postgresql:index/database:Database";
export const GRANT = "postgresql:index/grant:Grant";
export const INSTANCE = "nocobase-local:index:Instance";
export const POSTGRES_SERVER = "nocobase-local:index:PostgresServer";

/** Annotation of an instance's volume in a cluster. */
export const DELETION = "nocobase-fleet/deletion";

/** Components that own a database. */
export function isPart(type: string): boolean {
  return /^nocobase-fleet:index:(?:BusinessApp|RuntimeEnvironment|EntryApp)$/.test(type);
}
