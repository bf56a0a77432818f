/** Passwords and keys of one app, all derived from its one random seed. */
import { hkdfSync } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/** Bytes of a seed: as strong as the AES-256 key derived from it. */
const SEED_BYTES = 32;

export interface AppKeys {
  /** 32 characters, base64url. */
  readonly databasePassword: pulumi.Output<string>;
  /** 24 characters, base64url. */
  readonly rootPassword: pulumi.Output<string>;
  /** 64 hex digits; signs the app's session tokens (NocoBase's APP_KEY or `authManager.jwt.secret`). */
  readonly jwtSecret: pulumi.Output<string>;
  /** 64 hex digits; encrypts stored fields, so it never changes while the app lives. */
  readonly aesKey: pulumi.Output<string>;
  /** 64 hex digits; encrypts the database passwords of the apps this instance hosts. */
  readonly supervisorKey: pulumi.Output<string>;
}

/** The seed's resource, made under the component whose app it belongs to. */
export function createSeed(name: string, options: pulumi.CustomResourceOptions): random.RandomBytes {
  return new random.RandomBytes(`${name}-seed`, { length: SEED_BYTES }, options);
}

/**
 * Derives every secret of an app from its seed with HKDF-SHA256 (RFC 5869): one secret in the state instead of
 * five, each independent of the others, and one can be renewed alone by raising its generation.
 */
export function deriveKeys(seed: random.RandomBytes, passwordGeneration: number): AppKeys {
  const derive = (purpose: string, bytes: number, encoding: "hex" | "base64url") =>
    pulumi.secret(seed.base64).apply((base64) => deriveKey(base64, purpose, bytes).toString(encoding));
  return {
    databasePassword: derive("database-password/1", 24, "base64url"),
    rootPassword: derive(`root-password/${passwordGeneration}`, 18, "base64url"),
    jwtSecret: derive("jwt-secret/1", 32, "hex"),
    aesKey: derive("aes-key/1", 32, "hex"),
    supervisorKey: derive("supervisor-key/1", 32, "hex"),
  };
}

/** @param seed base64 @param purpose what the key is for, with its generation: `root-password/1` */
export function deriveKey(seed: string, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", Buffer.from(seed, "base64"), "", `nocobase-fleet/${purpose}`, bytes));
}
