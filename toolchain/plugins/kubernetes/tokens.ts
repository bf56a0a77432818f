/** Type tokens: `kubernetes:apps/v1:Deployment`, `kubernetes:core/v1:Secret`, `kubernetes:postgresql.cnpg.io/v1:Cluster`. */

const FORM = /^kubernetes:((?:[^:/]+\/)?v\d\w*):([A-Z]\w*)$/;
/** Of the official plugin alone: parts of other objects, and programs of their own. */
const ELSEWHERE = /(Patch|List)$|^(ConfigFile|ConfigGroup|Chart|Release|Directory)$/;

/** Whether this plugin has the type. */
export function isObjectType(token: string): boolean {
  const kind = FORM.exec(token)?.[2];
  return kind !== undefined && !ELSEWHERE.test(kind);
}

/** The core group, which has no name, is called `core` in tokens. */
export function apiVersionOf(token: string): { apiVersion: string; kind: string } {
  const [, version = "", kind = ""] = FORM.exec(token) ?? [];
  return { apiVersion: version.replace(/^core\//, ""), kind };
}
