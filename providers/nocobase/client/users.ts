import { type Call, type Session, SignInRefused } from "./session";

export interface RootUser {
  email: string;
  nickname: string;
  password: string;
}

export interface Credentials {
  account: string;
  password: string;
}

/** A root user that signed in, and how it is called now. */
export interface SignedInRoot {
  session: Session;
  id: number;
  email: string | null;
  nickname: string | null;
}

/**
 * Signs in to an application with the first credentials that work.
 * @param candidates likeliest first
 * @returns undefined where none works
 */
export async function signInWithAny(
  application: Session,
  candidates: readonly Credentials[],
  call: Call = {},
): Promise<(SignedInRoot & { credentials: Credentials }) | undefined> {
  for (const credentials of candidates) {
    const session = application.within(application.application, { url: application.url, ...credentials });
    const user = await trySignIn(session, call);
    if (user) return { session, credentials, ...user };
  }
  return undefined;
}

/**
 * Changes a root user's e-mail, nickname and password, and makes sure that the new ones work. A change of
 * password ends every session of that user, the one used here included.
 */
export async function changeRootUser(root: SignedInRoot, wanted: RootUser, call: Call = {}): Promise<void> {
  await root.session.call("POST", "users:update", {
    ...call,
    query: { filterByTk: String(root.id) },
    body: { ...wanted },
  });
  const { session } = root;
  const account = { url: session.url, account: wanted.email, password: wanted.password };
  await session.within(session.application, account).signIn(call);
}

/** Changes a root user's nickname alone. */
export async function changeNickname(root: SignedInRoot, nickname: string, call: Call = {}): Promise<void> {
  const query = { filterByTk: String(root.id) };
  await root.session.call("POST", "users:update", { ...call, query, body: { nickname } });
}

/**
 * Sees to it that the root user signs in with `wanted`.
 * @param earlier credentials it may still have, likeliest first
 * @returns true where something was changed
 * @throws {SignInRefused} where neither `wanted` nor `earlier` work
 */
export async function ensureRootUser(
  application: Session,
  wanted: RootUser,
  earlier: readonly Credentials[],
  call: Call = {},
): Promise<boolean> {
  const own = { account: wanted.email, password: wanted.password };
  const root = await signInWithAny(application, [own, ...earlier], call);
  if (!root) {
    const who = { url: application.url, account: wanted.email };
    const reason = "neither the declared password nor an earlier one is right";
    throw new SignInRefused(who, application.application, reason);
  }
  if (root.credentials !== own) await changeRootUser(root, wanted, call);
  else if (root.nickname !== wanted.nickname) await changeNickname(root, wanted.nickname, call);
  else return false;
  return true;
}

/** Whether these credentials open the application. */
export async function canSignIn(session: Session, call: Call = {}): Promise<boolean> {
  return (await trySignIn(session, call)) !== undefined;
}

async function trySignIn(session: Session, call: Call) {
  try {
    return (await session.signIn(call)).user;
  } catch (error) {
    if (error instanceof SignInRefused) return undefined;
    throw error;
  }
}
