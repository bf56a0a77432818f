/** What is set up inside a running instance, over its API. */
import type { Context } from "../../kit/types";
import {
  canSignIn,
  changeRootUser,
  adoptLogo,
  adoptTitle,
  ensureUploadFolder,
  NocoBaseError,
  Session,
  signInWithAny,
  SignInRefused,
  Unreachable,
  until,
  type Call,
} from "../../nocobase/client";
import { instanceUrl, type InstanceInputs } from "./inputs";

const PLUGIN = "multi-app-manager";
const PLUGIN_LIMIT_MS = 120_000;

/** What {@link settle} must know of an instance. */
export type Settled = Pick<
  InstanceInputs,
  "name" | "key" | "title" | "host" | "port" | "hostsApps" | "rootEmail" | "rootPassword"
>;

/**
 * Brings a running instance in line: the root user's sign-in, the multi-app manager in the main app where it hosts
 * apps, and uploads into the app's own folder. Safe to repeat. `olds` are the inputs it ran with before.
 */
export async function settle(inputs: Settled, olds: Settled | undefined, context: Context): Promise<void> {
  const account = { url: instanceUrl(inputs), account: inputs.rootEmail, password: inputs.rootPassword };
  const session = new Session(account);
  const call: Call = { signal: context.signal };
  try {
    const changed =
      olds && (olds.rootEmail !== inputs.rootEmail || olds.rootPassword !== inputs.rootPassword);
    if (changed) await changeSignIn(session, inputs, olds, call);
    if (inputs.hostsApps) await ensureMultiApp(session, inputs, context);
    await ensureUploadFolder(session, inputs.key, call);
    await adoptLogo(session, inputs.key, call);
    await adoptTitle(session, inputs.title, olds?.title, call);
  } catch (error) {
    if (!(error instanceof SignInRefused) || !olds || inputs.hostsApps) throw error;
    // Someone changed the password by hand: the app works, so this is no reason to fail.
    context.warn(`${error.message}. Settings inside the app were left as they are.`);
  }
}

async function changeSignIn(session: Session, inputs: Settled, olds: Settled, call: Call): Promise<void> {
  if (await canSignIn(session, call)) return;
  const root = await signInWithAny(session, [{ account: olds.rootEmail, password: olds.rootPassword }], call);
  if (!root) {
    throw new SignInRefused(
      { url: session.url, account: inputs.rootEmail },
      undefined,
      "neither the declared password nor the one before is right",
    );
  }
  const { rootEmail: email, rootPassword: password } = inputs;
  await changeRootUser(root, { email, nickname: root.nickname ?? "", password }, call);
}

/** The plugin is switched on in the main app only: built in, it would reach every business app too. */
async function ensureMultiApp(session: Session, inputs: Settled, context: Context): Promise<void> {
  const call: Call = { signal: context.signal };
  if (await hostsApps(session, call)) return;
  context.status(`${inputs.name}: switching the multi-app manager on`);
  await session.call("POST", "pm:enable", { ...call, query: { filterByTk: PLUGIN } });
  const on = await until(async () => ((await hostsApps(session, call)) ? true : undefined), {
    everyMs: 300,
    limitMs: PLUGIN_LIMIT_MS,
    signal: context.signal,
  });
  if (!on) {
    throw new Error(
      `${inputs.name} did not switch its plugin ${PLUGIN} on within ${PLUGIN_LIMIT_MS / 1000} s; its log tells why.`,
    );
  }
}

async function hostsApps(session: Session, call: Call): Promise<boolean> {
  try {
    await session.call("GET", "applications:list", { ...call, query: { pageSize: "1" } });
    return true;
  } catch (error) {
    // 404: no such resource. The reload that follows the switch cuts connections.
    if (error instanceof NocoBaseError && (error.status === 404 || error.passing)) return false;
    if (error instanceof Unreachable) return false;
    throw error;
  }
}
