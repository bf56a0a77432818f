import {
  canSignIn,
  changeNickname,
  changeRootUser,
  adoptLogo,
  adoptTitle,
  ensureUploadFolder,
  signInWithAny,
  type Call,
  type Session,
} from "../client";
import type { ApplicationInputs } from "./inputs";

/** Root credentials and title as this resource last set them; undefined where it never got that far. */
export interface Achieved {
  rootEmail?: string;
  rootNickname?: string;
  rootPassword?: string;
  title?: string;
}

/**
 * Gives an application that answers its own upload folder and root credentials. NocoBase installs every
 * application with the hosting instance's INIT_ROOT_*: whoever knows those would own them all.
 * @param before root credentials and title it may still have
 * @throws {Error} where no known credentials open it, or the host's still do
 */
export async function initialise(
  host: Session,
  inputs: ApplicationInputs,
  before: Achieved,
  call: Call,
): Promise<void> {
  const inside = host.within(inputs.name);
  const wanted = { email: inputs.rootEmail, nickname: inputs.rootNickname, password: inputs.rootPassword };
  const own = { account: wanted.email, password: wanted.password };
  const earlier = before.rootPassword
    ? [{ account: before.rootEmail ?? wanted.email, password: before.rootPassword }]
    : [];
  const hosts = { account: inputs.host.account, password: inputs.host.password };
  const root = await signInWithAny(inside, [own, ...earlier, hosts], call);
  if (!root) {
    throw new Error(
      `application ${inputs.name} can't be signed in to: neither with the declared root credentials (${wanted.email}), nor with ` +
        `earlier ones, nor with those of the hosting instance. Its database ${inputs.database.name} has a root user of its own: ` +
        "give that one's e-mail and password as rootEmail and rootPassword",
    );
  }
  await ensureUploadFolder(root.session, inputs.name, call);
  await adoptLogo(root.session, inputs.name, call);
  await adoptTitle(root.session, inputs.title, before.title, call);
  if (root.credentials === own) {
    if (root.nickname !== wanted.nickname) await changeNickname(root, wanted.nickname, call);
    return;
  }
  await changeRootUser(root, wanted, call);
  if (await canSignIn(inside, call)) {
    throw new Error(`the hosting instance's root credentials still open application ${inputs.name}`);
  }
}
