import { createHash } from "node:crypto";
import { apiPath, baseUrl, errorOf, NocoBaseError, send, Unreachable } from "./http";
import { pause, until } from "./wait";

/** A NocoBase and an account on it. */
export interface Account {
  /** Address of the process, e.g. `http://127.0.0.1:21034`. */
  url: string;
  /** E-mail address or user name. */
  account: string;
  password: string;
}

/** NocoBase knows no such account or password. */
export class SignInRefused extends Error {
  constructor(who: Pick<Account, "url" | "account">, application: string | undefined, reason: string) {
    const where = application ? `application ${application} on ${who.url}` : who.url;
    super(`${where} refuses the sign-in of ${who.account}: ${reason}`);
  }
}

export interface Call {
  query?: Readonly<Record<string, string>>;
  body?: unknown;
  /** Milliseconds for one attempt. */
  timeoutMs?: number;
  /** Milliseconds to go on while NocoBase says it is busy starting or reloading; 30,000 by default. */
  patienceMs?: number;
  /** Sent again when the connection breaks; true where doing it twice does no harm. Default true. */
  repeatable?: boolean;
  signal?: AbortSignal;
}

/** Tokens of this process, valid for a day on NocoBase's side. The key holds a digest, never a password. */
const tokens = new Map<string, Promise<string>>();

/** Signed-in access to one application of one NocoBase: the main one, or the business app named. */
export class Session {
  readonly url: string;

  constructor(
    private readonly who: Account,
    /** Name of the business app; undefined for the hosting instance itself. */
    readonly application?: string,
  ) {
    this.url = baseUrl(who.url);
  }

  /** The same process, another application or account. */
  within(application: string | undefined, account = this.who): Session {
    return new Session({ ...account, url: this.url }, application);
  }

  /**
   * Signs in, whatever tokens there are. Right after a change of password the token is still refused: NocoBase
   * compares its second of issue with the millisecond of the change.
   * @throws {SignInRefused} account or password are wrong
   */
  async signIn(call: Call = {}): Promise<SignedIn> {
    const reply = await this.patiently(call, () =>
      send(this.url, apiPath("auth:signIn", this.application), {
        method: "POST",
        headers: { "X-Authenticator": "basic" },
        body: { account: this.who.account, password: this.who.password },
        timeoutMs: call.timeoutMs,
        signal: call.signal,
      }),
    ).catch((error: unknown) => {
      if (
        error instanceof NocoBaseError &&
        error.status >= 400 &&
        error.status < 500 &&
        error.status !== 404
      ) {
        throw new SignInRefused({ ...this.who, url: this.url }, this.application, error.message);
      }
      throw error;
    });
    return (reply as { data: SignedIn }).data;
  }

  /**
   * Calls an action and returns NocoBase's JSON. Signs in first where needed, and once again on a 401.
   * @throws {NocoBaseError} what NocoBase says; {@link SignInRefused}; {@link Unreachable}
   */
  async call<T>(method: "GET" | "POST", action: string, call: Call = {}): Promise<T> {
    const attempt = async () =>
      (await this.patiently(call, async () =>
        send(this.url, apiPath(action, this.application), {
          method,
          query: call.query,
          body: call.body,
          headers: { Authorization: `Bearer ${await this.token(call)}`, "X-Authenticator": "basic" },
          timeoutMs: call.timeoutMs,
          signal: call.signal,
        }),
      )) as T;
    return attempt().catch(async (error: unknown) => {
      if (!(error instanceof NocoBaseError && error.status === 401)) throw error;
      tokens.delete(this.key());
      // A token of the very second in which the password was changed counts as one from before.
      if (/password changed/i.test(error.message)) await pause(1_100, call.signal);
      return attempt();
    });
  }

  /**
   * Bytes of a stored file by the address NocoBase gives for it; undefined where it can't be had.
   * @throws {Unreachable}
   */
  async download(url: string, call: Call = {}): Promise<Buffer | undefined> {
    const { origin, pathname, search } = new URL(url, `${this.url}/`);
    const look = async () =>
      send(origin, pathname + search, {
        bytes: true,
        headers: { Authorization: `Bearer ${await this.token(call)}` },
        timeoutMs: call.timeoutMs,
        signal: call.signal,
      });
    return (await this.patiently(call, look).catch((error: unknown) => {
      if (error instanceof NocoBaseError) return undefined;
      throw error;
    })) as Buffer | undefined;
  }

  /**
   * Stores a file through an action that takes uploads.
   * @throws {NocoBaseError} what NocoBase says; {@link Unreachable}
   */
  async upload<T>(action: string, file: UploadedFile, call: Call = {}): Promise<T> {
    const form = new FormData();
    form.set("file", new Blob([new Uint8Array(file.content)], { type: file.type }), file.name);
    return await this.call<T>("POST", action, { ...call, body: form });
  }

  private async patiently(call: Call, request: () => ReturnType<typeof send>): Promise<unknown> {
    let broken = 0;
    let last: NocoBaseError | undefined;
    const look = async () => {
      try {
        const reply = await request();
        last = errorOf(reply);
        if (!last) return { body: reply.body };
        if (last.passing) return undefined;
        throw last;
      } catch (error) {
        // A kept-alive connection may be closed by the other side just as it is used again.
        const again =
          error instanceof Unreachable && error.uncertain && call.repeatable !== false && ++broken <= 1;
        if (again && !/no answer within/.test(error.message)) return undefined;
        throw error;
      }
    };
    const done = await until(look, {
      everyMs: 200,
      limitMs: call.patienceMs ?? 30_000,
      signal: call.signal,
    });
    if (done) return done.body;
    throw last ?? new Unreachable(this.url, "the connection broke", true);
  }

  private async token(call: Call): Promise<string> {
    const key = this.key();
    const known = tokens.get(key);
    if (known) return known;
    const fresh = this.signIn(call).then(({ token }) => token);
    tokens.set(key, fresh);
    fresh.catch(() => tokens.delete(key));
    return fresh;
  }

  private key(): string {
    const digest = createHash("sha256").update(this.who.password).digest("hex");
    return [this.url, this.application ?? "", this.who.account, digest].join("|");
  }
}

export interface UploadedFile {
  name: string;
  /** MIME type. */
  type: string;
  content: Buffer;
}

export interface SignedIn {
  token: string;
  user: { id: number; email: string | null; nickname: string | null; username: string | null };
}
