/** Live states against the declared one. */
import { listApplications, Session, type LiveApplication, type LiveStatus } from "../client";
import type { ApplicationInputs, HostInputs } from "./inputs";

type Wanted = Pick<ApplicationInputs, "state" | "startMode">;

const ON_ITS_WAY: readonly LiveStatus[] = ["preparing", "initializing", "commanding"];

/** True while NocoBase works on the application; a stop asked for now would lose sight of it. */
export function onItsWay(status: LiveStatus): boolean {
  return ON_ITS_WAY.includes(status);
}

/** True where nothing serves the application. */
export function isDown(status: LiveStatus): boolean {
  return !onItsWay(status) && status !== "running";
}

/** Whether a live state is what was declared. A lazy application that nobody has visited yet is as declared. */
export function asDeclared(status: LiveStatus, wanted: Wanted): boolean {
  if (wanted.state === "stopped") return isDown(status);
  // A failure is no state that anybody chose; as declared, it is left to people all the same.
  if (wanted.state === "operator") return status !== "not_found";
  if (status === "error" || status === "not_found") return false;
  return wanted.startMode === "lazy" || !isDown(status);
}

/** What an update makes of an application: one that is left to people stays as it is, a new one runs. */
export function targetState(wanted: Wanted, found: LiveStatus | undefined): "running" | "stopped" {
  if (wanted.state !== "operator") return wanted.state;
  return found === "stopped" ? "stopped" : "running";
}

/** The declared state that a live one amounts to, for refresh. */
export function stateOf(status: LiveStatus, wanted: Wanted): Wanted["state"] {
  if (asDeclared(status, wanted)) return wanted.state;
  return wanted.state === "stopped" ? "running" : "stopped";
}

const LOOK_LIMIT_MS = 1_000;
const looks = new Map<string, Promise<Map<string, LiveApplication> | undefined>>();

/**
 * One quick look at a host for all diffs of this process; undefined where the host doesn't answer within a
 * second, so that a preview works without it.
 */
export function glance(host: HostInputs): Promise<Map<string, LiveApplication> | undefined> {
  const known = looks.get(host.url);
  if (known) return known;
  const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
  const look = listApplications(new Session(host), { signal, patienceMs: 0 }).then(
    (rows) => new Map(rows.map((row) => [row.name, row])),
    () => undefined,
  );
  looks.set(host.url, look);
  return look;
}
