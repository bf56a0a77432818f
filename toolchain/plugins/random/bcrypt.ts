/**
 * Bcrypt (Provos and Mazières 1999), version 2a: what `bcryptHash` of RandomPassword is made with. Written out here
 * because Node's crypto has none and no dependency of the project brings one; only new passwords and imports are
 * hashed, nothing is ever checked against it here.
 */
import { randomBytes } from "node:crypto";

/** Go's default, which upstream takes: 2^10 rounds of key setup. */
const COST = 10;
const MAX_PASSWORD_BYTES = 72;
const ROUNDS = 16;
const P_WORDS = ROUNDS + 2;
const S_WORDS = 4 * 256;
/** Bcrypt encrypts this text with the key it made. */
const MAGIC = "OrpheanBeholderScryDoubt";
const BCRYPT_ALPHABET = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * @param password its first 72 bytes count
 * @param salt 16 bytes; random unless a test gives it
 * @returns `$2a$10$` with salt and hash, 60 characters
 */
export function bcryptHash(password: string, salt: Buffer = randomBytes(16), cost = COST): string {
  const bytes = Buffer.from(password).subarray(0, MAX_PASSWORD_BYTES);
  const key = Buffer.concat([bytes, Buffer.alloc(1)]);
  const cipher = new Blowfish();
  cipher.expand(key, salt);
  for (let round = 0; round < 2 ** cost; round++) {
    cipher.expand(key);
    cipher.expand(salt);
  }
  const text = Uint32Array.from({ length: 6 }, (_, word) => Buffer.from(MAGIC).readUInt32BE(word * 4));
  for (let block = 0; block < text.length; block += 2) {
    for (let times = 0; times < 64; times++) cipher.encrypt(text, block);
  }
  const hash = Buffer.alloc(text.length * 4);
  text.forEach((word, index) => hash.writeUInt32BE(word, index * 4));
  // The last byte has never been part of a bcrypt hash.
  const prefix = `$2a$${String(cost).padStart(2, "0")}$`;
  return prefix + encode(salt) + encode(hash.subarray(0, hash.length - 1));
}

function encode(bytes: Buffer): string {
  const base64 = bytes.toString("base64").replaceAll("=", "");
  return Array.from(base64, (digit) => BCRYPT_ALPHABET[BASE64_ALPHABET.indexOf(digit)]).join("");
}

let initial: Uint32Array | undefined;

/** Blowfish's tables begin with the binary digits of π after the point. */
function fractionOfPi(): Uint32Array {
  if (initial) return initial;
  const words = P_WORDS + S_WORDS;
  const guard = 64n;
  const one = 1n << (BigInt(words) * 32n + guard);
  // Machin: π = 16 arctan(1/5) − 4 arctan(1/239).
  const pi = 16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one);
  const hex = ((pi % one) >> guard).toString(16).padStart(words * 8, "0");
  initial = Uint32Array.from({ length: words }, (_, word) => parseInt(hex.slice(word * 8, word * 8 + 8), 16));
  return initial;
}

function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let n = 3n, sign = -1n; power !== 0n; n += 2n, sign = -sign) {
    power /= x * x;
    sum += (sign * power) / n;
  }
  return sum;
}

/** Blowfish with the key setup of bcrypt ("eksblowfish"). */
class Blowfish {
  /** The P-array, then the four S-boxes. */
  private readonly table = Uint32Array.from(fractionOfPi());

  /** Encrypts the two words at `at` in place. */
  encrypt(words: Uint32Array, at: number): void {
    const t = this.table;
    let left = words[at] ?? 0;
    let right = words[at + 1] ?? 0;
    for (let round = 0; round < ROUNDS; round += 2) {
      left ^= t[round] ?? 0;
      right ^= this.mix(left);
      right ^= t[round + 1] ?? 0;
      left ^= this.mix(right);
    }
    words[at] = right ^ (t[ROUNDS + 1] ?? 0);
    words[at + 1] = left ^ (t[ROUNDS] ?? 0);
  }

  /** Works a key into the tables; a salt, if there is one, into each block on the way. */
  expand(key: Buffer, salt?: Buffer): void {
    const t = this.table;
    for (let word = 0, at = 0; word < P_WORDS; word++) {
      let bits = 0;
      for (let byte = 0; byte < 4; byte++, at++) bits = (bits << 8) | (key[at % key.length] ?? 0);
      t[word] = (t[word] ?? 0) ^ bits;
    }
    const block = new Uint32Array(2);
    for (let word = 0; word < t.length; word += 2) {
      if (salt) {
        block[0] = (block[0] ?? 0) ^ salt.readUInt32BE((word * 4) % salt.length);
        block[1] = (block[1] ?? 0) ^ salt.readUInt32BE((word * 4 + 4) % salt.length);
      }
      this.encrypt(block, 0);
      t[word] = block[0] ?? 0;
      t[word + 1] = block[1] ?? 0;
    }
  }

  private mix(x: number): number {
    const t = this.table;
    const a = t[P_WORDS + (x >>> 24)] ?? 0;
    const b = t[P_WORDS + 256 + ((x >>> 16) & 255)] ?? 0;
    const c = t[P_WORDS + 512 + ((x >>> 8) & 255)] ?? 0;
    const d = t[P_WORDS + 768 + (x & 255)] ?? 0;
    return (((a + b) ^ c) + d) | 0;
  }
}
