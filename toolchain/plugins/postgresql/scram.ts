/** Password verifiers made on this side, so that the server and its logs never see a password. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/** PostgreSQL's own default (scram_iterations, and the fixed number before version 16). */
const ITERATIONS = 4096;

const KEY_BYTES = 32;

/**
 * Whether a text is a verifier already: PostgreSQL stores `md5…` and `SCRAM-SHA-256$…` as they are.
 */
export function isVerifier(password: string): boolean {
  return /^md5[0-9a-f]{32}$/.test(password) || /^SCRAM-SHA-256\$\d+:/.test(password);
}

/**
 * Whether the verifier of a password can be made here. Other characters take the SASLprep profile of RFC 4013
 * first, which the server knows.
 */
export function isPlainAscii(password: string): boolean {
  return /^[\x20-\x7e]+$/.test(password);
}

/**
 * PostgreSQL's form of a SCRAM-SHA-256 verifier (RFC 5803): `SCRAM-SHA-256$<iterations>:<salt>$<stored>:<server>`.
 * @param password of which {@link isPlainAscii} holds
 */
export function scramVerifier(password: string, salt = randomBytes(16), iterations = ITERATIONS): string {
  const salted = pbkdf2Sync(password, salt, iterations, KEY_BYTES, "sha256");
  const sign = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(sign("Client Key")).digest("base64");
  const server = sign("Server Key").toString("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${server}`;
}

/** PostgreSQL's older form. */
export function md5Verifier(password: string, role: string): string {
  return `md5${createHash("md5")
    .update(password + role)
    .digest("hex")}`;
}

/**
 * Whether a stored verifier belongs to a password.
 * @returns undefined where that can't be told here
 */
export function matches(verifier: string, password: string, role: string): boolean | undefined {
  if (verifier.startsWith("md5")) return equal(verifier, md5Verifier(password, role));
  const [, iterations, salt] = /^SCRAM-SHA-256\$(\d+):([^$]+)\$/.exec(verifier) ?? [];
  if (iterations === undefined || salt === undefined || !isPlainAscii(password)) return undefined;
  return equal(verifier, scramVerifier(password, Buffer.from(salt, "base64"), Number(iterations)));
}

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
