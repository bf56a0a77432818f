/** What may be said of a PostgreSQL server and of the gateway. */
import { z } from "zod";
import {
  databaseName,
  databaseNameAllowed,
  documented,
  email,
  emailAllowed,
  hostName,
  instancePort,
  instancePortAllowed,
  postgresUser,
  serverPort,
  serverPortAllowed,
} from "./fields";

export const managedServerSchema = z.strictObject({
  kind: documented(z.literal("managed"), {
    description: "The fleet runs this PostgreSQL server.",
    allowed: "managed, external or cloudnativepg",
    examples: ["managed"],
  }),
  port: documented(instancePort.optional(), {
    description: "Port on the loopback address.",
    allowed: instancePortAllowed,
    examples: [25432],
    defaultText: "20000–32767, derived from the stack's name and the key",
  }),
  maxConnections: documented(z.int().min(20).max(10000).default(300), {
    description: "PostgreSQL's max_connections. A change restarts the server.",
    allowed: "a whole number from 20 to 10000",
    examples: [500],
  }),
});

export const externalServerSchema = z.strictObject({
  kind: documented(z.literal("external"), {
    description:
      "A PostgreSQL server that is already there. Its administrator's password goes to `databaseServerPasswords`.",
    allowed: "managed, external or cloudnativepg",
    examples: ["external"],
  }),
  host: documented(z.union([hostName, z.ipv4(), z.ipv6()]), {
    description: "Host name or IP address.",
    allowed: "a host name or an IP address",
    examples: ["db.example.com"],
  }),
  port: documented(serverPort.default(5432), {
    description: "Port.",
    allowed: serverPortAllowed,
    examples: [5432],
  }),
  adminUser: documented(postgresUser.default("postgres"), {
    description: "Administrator: makes roles and databases.",
    allowed: "a PostgreSQL role's name",
    examples: ["postgres"],
  }),
  sslMode: documented(z.enum(["disable", "require", "verify-ca", "verify-full"]).default("require"), {
    description:
      "Encryption of every connection to it, as in libpq: `require` encrypts, `verify-full` also checks who answers.",
    allowed: "disable, require, verify-ca or verify-full",
    examples: ["verify-full"],
  }),
  maintenanceDatabase: documented(databaseName.default("postgres"), {
    description: "Database that the administrator connects to.",
    allowed: databaseNameAllowed,
    examples: ["postgres"],
  }),
  superuser: documented(z.boolean().default(true), {
    description: "Set it to false for managed services, whose administrator is not a superuser.",
    allowed: "true or false",
    examples: [false],
  }),
});

export const gatewaySchema = z.strictObject({
  host: documented(z.union([z.ipv4(), z.ipv6()]).default("127.0.0.1"), {
    description:
      "Address to listen on. Anything but a loopback address opens the fleet to the network, over plain HTTP.",
    allowed: "an IP address",
    examples: ["127.0.0.1"],
  }),
  port: documented(serverPort.default(13000), {
    description: "Port that people open.",
    allowed: serverPortAllowed,
    examples: [13000],
  }),
  domain: documented(hostName.default("localhost"), {
    description:
      "Base domain: the entry app answers here, every environment and app at `<key>.<domain>`. Browsers send any name under localhost to this machine.",
    allowed: "a host name, without scheme, port or path",
    examples: ["apps.example.com"],
  }),
  tls: documented(
    z
      .strictObject({
        port: documented(serverPort.default(443), {
          description: "Port for HTTPS. A public authority comes to 443, and to 80 for plain HTTP.",
          allowed: serverPortAllowed,
          examples: [443],
        }),
        issuer: documented(z.enum(["acme", "internal"]).default("acme"), {
          description:
            "Who issues certificates: `acme` is a public authority (Let's Encrypt, ZeroSSL), for names that lead here on the Internet; `internal` an authority of the gateway's own, which browsers must be told to trust.",
          allowed: "acme or internal",
          examples: ["internal"],
        }),
        email: documented(email.optional(), {
          description: "Address that the authority writes to when something is wrong.",
          allowed: emailAllowed,
          examples: ["ops@example.com"],
          defaultText: "none",
        }),
      })
      .optional(),
    {
      description:
        "Platform docker only. HTTPS for every host name of the fleet, custom domains included: each gets its certificate when it is first asked for, renewed in time. Plain HTTP then leads there.",
      allowed: "a map, {} for one with all defaults",
      examples: [{ email: "ops@example.com" }],
      defaultText: "none: plain HTTP",
    },
  ),
  uploadLimitMiB: documented(z.int().min(1).max(102400).default(1024), {
    description: "Largest request body that is passed on, in MiB.",
    allowed: "a whole number from 1 to 102400",
    examples: [256],
  }),
});
