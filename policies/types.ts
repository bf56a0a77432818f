/** Types of resources that policies are about, as the engine names them. */
export const ROLE = "postgresql:index/role:Role";
export const DATABASE = "postgresql:index/database:Database";
export const GRANT = "postgresql:index/grant:Grant";
export const INSTANCE = "nocobase-local:index:Instance";
export const POSTGRES_SERVER = "nocobase-local:index:PostgresServer";
export const CONTAINER = "docker:index/container:Container";
export const IMAGE = "docker:index/remoteImage:RemoteImage";

/** Addresses that nobody but this machine reaches. */
export const loopbacks = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

/** Annotation of an instance's volume in a cluster. */
export const DELETION = "nocobase-fleet/deletion";

/** Components that own a database. */
export function isPart(type: string): boolean {
  return /^nocobase-fleet:index:(?:BusinessApp|RuntimeEnvironment|EntryApp)$/.test(type);
}
