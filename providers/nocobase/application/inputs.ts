/** Inputs of `nocobase:index:Application`: their shape, rules and defaults. */
import { z } from "zod";
import { UNKNOWN, type CheckFailure, type CheckOutcome, type Props } from "../../kit/types";

const secret = (what: string, least: number) =>
  z
    .string(`${what} must be a text`)
    .min(least, least === 1 ? `${what} must not be empty` : `${what} needs at least ${least} characters`);

const hostName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

const port = z
  .number("must be a port number, 1 to 65535")
  .int("must be a whole number, 1 to 65535")
  .min(1, "must be a port number, 1 to 65535")
  .max(65535, "must be a port number, 1 to 65535");

const host = z.object(
  {
    url: z
      .string("must be the address of the hosting instance")
      .regex(
        /^https?:\/\/[^/?#\s@]+\/?$/,
        "must be the address of the hosting instance without a path, e.g. http://127.0.0.1:21034",
      )
      .transform((url) => url.replace(/\/$/, "")),
    account: z.string("must be the host's root e-mail").min(1, "must be the host's root e-mail, not empty"),
    password: secret("the host's root password", 1),
    encryptionKey: z
      .string("must be 64 hex digits")
      .regex(/^[0-9a-f]{64}$/i, "must be 64 hex digits: the host's APP_SUPERVISOR_AES_SECRET_KEY"),
    cluster: z
      .object(
        {
          context: z.string("must be a context of the kubeconfig").optional(),
          namespace: z.string("must be the namespace of the hosting instance"),
        },
        "must hold the namespace of the hosting instance, and the kubeconfig's context",
      )
      .optional(),
  },
  "must hold url, account, password and encryptionKey of the hosting instance",
);

const SSL_MODES = ["disable", "require", "verify-full"] as const;

const database = z.object(
  {
    host: z
      .string("must be the database server's host name")
      .min(1, "must be the database server's host name"),
    port,
    name: z
      .string("must be a database name")
      .regex(/^[^\0]{1,63}$/, "must be a database name of 1 to 63 characters"),
    user: z.string("must be a role name").regex(/^[^\0]{1,63}$/, "must be a role name of 1 to 63 characters"),
    password: secret("the database password", 1),
    sslMode: z
      .enum(SSL_MODES, `must be one of ${SSL_MODES.join(", ")}: NocoBase can't be told of others`)
      .optional(),
  },
  "must hold host, port, name, user and password of a database made beforehand",
);

const schema = z
  .object({
    host,
    name: z
      .string("must be a name")
      .regex(
        /^[a-z][a-z0-9-]{0,62}$/,
        "must start with a letter, hold only a-z, 0-9 and -, and have at most 63 characters",
      )
      .refine((name) => name !== "main", "`main` is the host itself: choose another name"),
    title: z.string("must be a text").min(1, "must not be empty"),
    cname: z
      .string("must be a host name")
      .regex(hostName, "must be a host name in lower case without a port, e.g. crm.localhost")
      .optional(),
    startMode: z
      .enum(["auto", "lazy"], "must be auto (with the host) or lazy (at the first visit)")
      .default("auto"),
    state: z
      .enum(["running", "stopped", "operator"], "must be running, stopped or operator")
      .default("running"),
    database,
    jwtSecret: secret("the JWT secret", 16),
    rootEmail: z.email("must be an e-mail address"),
    rootNickname: z.string("must be a text").min(1, "must not be empty"),
    rootPassword: secret("the root password", 6),
  })
  .refine((inputs) => inputs.rootPassword !== inputs.host.password, {
    path: ["rootPassword"],
    error: "must not be the hosting instance's root password: whoever runs the app would own the host",
    when: ({ value }) => isPlain(value) && isPlain(value.host) && value.rootPassword !== UNKNOWN,
  });

/** Checked inputs; every value known. */
export type ApplicationInputs = z.output<typeof schema>;
export type DatabaseInputs = ApplicationInputs["database"];
export type HostInputs = ApplicationInputs["host"];

/** Every fault at once, except where a value isn't known yet. Secrets never appear in a reason. */
export function checkInputs(news: Props): CheckOutcome {
  const known = withoutNull(news);
  const parsed = schema.safeParse(known);
  if (parsed.success) return { inputs: parsed.data };
  const failures = parsed.error.issues
    .filter((issue) => !unknownAt(known, issue.path))
    .map((issue): CheckFailure => {
      const property = issue.path.join(".");
      const value = shown(known, issue.path);
      return { property, reason: `${property || "Application"}${value} ${issue.message}` };
    });
  return { inputs: withDefaults(known), failures };
}

/**
 * Inputs or state as the handler's methods get them.
 * @throws {Error} naming the faulty properties; for inputs that went through check that can't happen
 */
export function knownInputs(props: Props): ApplicationInputs {
  const parsed = schema.safeParse(withoutNull(props));
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
  throw new Error(`the application's properties are not whole: ${faults.join("; ")}`);
}

/** The hosting instance in inputs or state; undefined where it isn't known (whole). */
export function knownHost(props: Props): HostInputs | undefined {
  const parsed = host.safeParse(props.host);
  return parsed.success ? parsed.data : undefined;
}

function withDefaults(news: Props): Props {
  return { startMode: "auto", state: "running", ...news };
}

function isPlain(value: unknown): value is Props {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withoutNull(props: Props): Props {
  return Object.fromEntries(
    Object.entries(props)
      .filter(([key, value]) => value !== null && value !== undefined && !key.startsWith("__"))
      .map(([key, value]) => [key, isPlain(value) ? withoutNull(value) : value]),
  );
}

function unknownAt(props: Props, path: readonly PropertyKey[]): boolean {
  let here: unknown = props;
  for (const key of path) {
    if (here === UNKNOWN) return true;
    here = isPlain(here) ? here[String(key)] : undefined;
  }
  return here === UNKNOWN;
}

const SECRETS = /password|secret|encryptionKey/i;

function shown(props: Props, path: readonly PropertyKey[]): string {
  if (path.some((key) => SECRETS.test(String(key)))) return "";
  let here: unknown = props;
  for (const key of path) here = isPlain(here) ? here[String(key)] : undefined;
  return typeof here === "string" || typeof here === "number" || typeof here === "boolean"
    ? ` ${JSON.stringify(here)}`
    : "";
}
