/** The values that a stack file is made of, each with what an editor, the reference page and a fault say of it. */
import { z } from "zod";

/** Documentation of one field; the single source of the JSON Schema, the reference page and the faults. */
export interface FieldDoc {
  /** What it means, in one or two sentences. */
  readonly description: string;
  /** What may stand there, as it follows "allowed:". */
  readonly allowed: string;
  readonly examples?: readonly unknown[];
  /** The default where it isn't a fixed value, e.g. "the fleet's `deletion`". */
  readonly defaultText?: string;
}

export const fieldDocs = z.registry<FieldDoc>();

/** Registers the documentation of a field and hands the field back. */
export function documented<Schema extends z.ZodType>(schema: Schema, doc: FieldDoc): Schema {
  fieldDocs.add(schema, doc);
  return schema;
}

/** Lower-case letters, digits, inner hyphens: at once a DNS label, a folder and the base of database names. */
export const keyPattern = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
export const keyAllowed = "a-z first, then a-z, 0-9 and inner hyphens, at most 63 characters";
export const key = documented(z.string().regex(keyPattern), {
  description: "The key under which something is declared; it is its identity, so a rename is a new thing.",
  allowed: keyAllowed,
});

const hostLabel = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
export const hostName = z
  .string()
  .max(253)
  .regex(new RegExp(`^${hostLabel}(?:\\.${hostLabel})*$`));

export const title = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[^\u0000-\u001f\u007f]+$/);
export const titleAllowed = "text of 1 to 100 characters on one line";

export const instancePort = z.int().min(1024).max(65535);
export const instancePortAllowed = "a whole number from 1024 to 65535";
export const serverPort = z.int().min(1).max(65535);
export const serverPortAllowed = "a whole number from 1 to 65535";

export const email = z.email().max(254);
export const emailAllowed = "an e-mail address";

export const version = z.string().regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/);

export const databaseName = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/);
export const databaseNameAllowed = "a-z first, then a-z, 0-9, _ and -, at most 63 characters";

export const postgresUser = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[^\u0000-\u001f\u007f"]+$/);

export const deletionPolicy = z.enum(["protect", "backup", "retain", "delete"]);
export const deletionAllowed = "protect, backup, retain or delete";

export const environmentVariables = z.record(
  documented(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), {
    description: "Name of an environment variable.",
    allowed: "letters, digits and _, no digit first",
  }),
  documented(
    z
      .string()
      .max(4096)
      .regex(/^[^\u0000-\u001f\u007f]*$/),
    {
      description: "Value of an environment variable.",
      allowed: "text on one line, in quotes where it looks like a number or true/false",
    },
  ),
);

/** A value encrypted by `pulumi config set --secret`. */
export const secretValue = documented(z.strictObject({ secure: z.string().min(1) }), {
  description: "A value encrypted by Pulumi.",
  allowed: "a secret set with `pulumi config set --secret --path`",
});
