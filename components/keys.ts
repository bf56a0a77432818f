/** Passwords and keys of one app, all derived from its one random seed. */
import { hkdfSync } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

/** Letters and digits of a seed: 43 hold 256 bits, as many as the AES-256 key derived from it. */
const SEED_LENGTH = 43;

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
  /** 32 characters, base64url: its role's in the fleet's registry. */
  readonly registryPassword: pulumi.Output<string>;
}

/**
 * The seed's resource, made under the component whose app it belongs to. A RandomPassword, since the id of RandomBytes is
 * its very value and ids stand in the state in the clear.
 */
export function createSeed(name: string, options: pulumi.CustomResourceOptions): random.RandomPassword {
  return new random.RandomPassword(`${name}-seed`, { length: SEED_LENGTH, special: false }, options);
}

/**
 * Derives every secret of an app from its seed with HKDF-SHA256 (RFC 5869): one secret in the state instead of
 * five, each independent of the others, and one can be renewed alone by raising its generation.
 */
export function deriveKeys(seed: random.RandomPassword, passwordGeneration: number): AppKeys {
  const derive = (purpose: string, bytes: number, encoding: "hex" | "base64url") =>
    pulumi.secret(seed.result).apply((value) => deriveKey(value, purpose, bytes).toString(encoding));
  return {
    databasePassword: derive("database-password/1", 24, "base64url"),
    rootPassword: derive(`root-password/${passwordGeneration}`, 18, "base64url"),
    jwtSecret: derive("jwt-secret/1", 32, "hex"),
    aesKey: derive("aes-key/1", 32, "hex"),
    supervisorKey: derive("supervisor-key/1", 32, "hex"),
    registryPassword: derive("registry-password/1", 24, "base64url"),
  };
}

/** @param seed letters and digits @param purpose what the key is for, with its generation: `root-password/1` */
export function deriveKey(seed: string, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync("sha256", seed, "", `nocobase-fleet/${purpose}`, bytes));
}
