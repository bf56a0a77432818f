import { changedPaths, sameValue } from "../../kit/values";
import { UNKNOWN, type DiffOutcome, type PropertyChange, type Props } from "../../kit/types";

/** Another one of these is another application: the old one goes first, so that two never serve one database. */
const REPLACES = new Set(["name", "host", "host.url", "database", "database.name"]);

/** Set by this resource in the application; the state's outputs tell how far that got. */
const ROOT = ["rootEmail", "rootNickname", "rootPassword"] as const;

/** Can't be read back from NocoBase, or not as a secret: an import leaves them out. */
const UNREADABLE = [
  ...ROOT,
  "jwtSecret",
  "host.password",
  "host.encryptionKey",
  "database.password",
] as const;

/**
 * What a change of inputs asks for.
 * @param oldInputs as last given
 * @param outputs as last achieved; where an unreadable one is missing, it was never set by this resource
 * @param importing true while the engine compares an import with the program: what an import can't know is equal
 */
export function diffInputs(oldInputs: Props, outputs: Props, news: Props, importing = false): DiffOutcome {
  const paths = new Set(changedPaths(oldInputs, news));
  for (const path of UNREADABLE) {
    const [achieved, after] = [at(outputs, path), at(news, path)];
    const known = achieved !== undefined;
    if (!known && !importing) paths.add(path);
    else if (!known || (isRoot(path) && sameValue(achieved, after))) paths.delete(path);
    else if (isRoot(path)) paths.add(path);
  }
  const changes = [...paths].map((path): PropertyChange => {
    const [before, after] = [at(oldInputs, path), at(news, path)];
    const kind = after === undefined ? "delete" : before === undefined ? "add" : "update";
    return REPLACES.has(path) ? { path, kind, replace: true } : { path, kind };
  });
  return { changes, deleteBeforeReplace: changes.some((change) => change.replace), stables: ["url"] };
}

/** The value at a dotted path; below an unknown value everything is unknown. */
export function at(props: Props, path: string): unknown {
  let here: unknown = props;
  for (const key of path.split(".")) {
    if (here === UNKNOWN) return UNKNOWN;
    here = typeof here === "object" && here !== null ? (here as Props)[key] : undefined;
  }
  return here ?? undefined;
}

function isRoot(path: string): boolean {
  return (ROOT as readonly string[]).includes(path);
}
