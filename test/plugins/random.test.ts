/** The random stand-in through the real engine. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import fc from "fast-check";
import { bcryptHash } from "../../toolchain/plugins/random/bcrypt";
import { createProject, standIn, type TestProject } from "./support/engine";

const BYTES = "random:index/randomBytes:RandomBytes";

/** Unlike the SDK's classes, it hands on properties that there are not. */
class Raw extends pulumi.CustomResource {}

type Resources = () => Record<string, unknown>;

/** Outputs of the stack are what `resources` returns; called anew for each operation. */
function program(resources: Resources) {
  return () => Promise.resolve(resources());
}

describe("random stand-in", function () {
  this.timeout(120_000);
  let project: TestProject;
  const run = (resources: Resources): void => project.change({ program: program(resources) });

  before(async () => {
    project = await createProject({ program: program(() => ({})), plugins: [standIn("random")] });
  });
  after(() => project.dispose());

  it("makes values of the length and the characters asked for, once", async () => {
    const resources = () => {
      const bytes = new random.RandomBytes("bytes", { length: 32 });
      const id = new random.RandomId("id", { byteLength: 4, prefix: "app-" });
      const password = new random.RandomPassword("password", { length: 40, minSpecial: 2 });
      const digits = new random.RandomString("digits", {
        length: 12,
        special: false,
        upper: false,
        lower: false,
      });
      return {
        base64: bytes.base64,
        hex: bytes.hex,
        id: id.hex,
        password: password.result,
        hash: password.bcryptHash,
        digits: digits.result,
      };
    };
    run(resources);
    const { outputs } = await project.up();
    const value = (name: string) => String(outputs[name]?.value);
    assert.equal(Buffer.from(value("base64"), "base64").length, 32);
    assert.equal(Buffer.from(value("base64"), "base64").toString("hex"), value("hex"));
    assert.match(value("id"), /^app-[0-9a-f]{8}$/);
    assert.equal(value("password").length, 40);
    assert.ok((value("password").match(/[^A-Za-z0-9]/g) ?? []).length >= 2);
    assert.match(value("digits"), /^\d{12}$/);
    const salt = saltOf(value("hash"));
    assert.equal(bcryptHash(value("password"), salt), value("hash"));

    assert.deepEqual((await project.preview()).steps, []);
    assert.deepEqual((await project.refresh()).steps, []);
    const again = await project.up();
    assert.deepEqual(again.outputs, outputs);
  });

  it("keeps secrets out of the state on disk, and tells that an id is none", async () => {
    const [password, bytes] = await Promise.all([
      project.resource("password", true),
      project.resource("bytes", true),
    ]);
    const result = plaintext(password.outputs?.result);
    const state = await project.stateText();
    assert.equal(typeof result, "string");
    assert.equal(password.id, "none");
    assert.ok(!state.includes(result), "the password is in the state in the clear");
    assert.ok(!state.includes(plaintext(password.outputs?.bcryptHash)));
    // The official plugin does the same: whoever needs a secret takes RandomPassword.
    assert.equal(bytes.id, plaintext(bytes.outputs?.base64));
  });

  it("replaces for another length or keeper, and for nothing else", async () => {
    const make = (length: number, keeper: string) => () => {
      const bytes = new random.RandomBytes("bytes", { length, keepers: { generation: keeper } });
      return { hex: bytes.hex };
    };
    run(make(16, "1"));
    const first = await project.up();
    run(make(16, "2"));
    const { steps } = await project.preview();
    const step = steps.find(({ op }) => op === "replace");
    assert.deepEqual(step?.diff, { keepers: "update-replace" });
    const second = await project.up();
    assert.notEqual(second.outputs.hex?.value, first.outputs.hex?.value);
    run(make(20, "2"));
    const third = await project.up();
    assert.equal(String(third.outputs.hex?.value).length, 40);
    run(make(20, "2"));
    assert.deepEqual((await project.preview()).steps, []);
  });

  it("adopts a value by import", async () => {
    const value = Buffer.from("0123456789abcdef").toString("base64");
    run(() => {
      const bytes = new random.RandomBytes("adopted", { length: 16 }, { import: value });
      return { base64: bytes.base64 };
    });
    assert.equal((await project.up()).outputs.base64?.value, value);
    run(() => ({ base64: new random.RandomBytes("adopted", { length: 16 }).base64 }));
    assert.deepEqual((await project.preview()).steps, []);
  });

  const refused: [what: string, resources: Resources, message: RegExp][] = [
    [
      "a type that it does not have",
      () => ({ pet: new random.RandomPet("pet", {}) }),
      /resource type random:index\/randomPet:RandomPet is not supported.*RandomBytes.*pulumi plugin install resource random 4\.21\.2/s,
    ],
    [
      "an unknown property",
      () => ({ b: new Raw(BYTES, "b", { length: 8, lenght: 9 }, { version: "4.21.2" }) }),
      /RandomBytes has no property lenght; did you mean length\?/,
    ],
    [
      "a length of 0",
      () => ({ bytes: new random.RandomBytes("b", { length: 0 }) }),
      /length is 0; it must be at least 1/,
    ],
    [
      "minima that do not fit",
      () => ({ p: new random.RandomPassword("p", { length: 3, minUpper: 2, minLower: 2 }) }),
      /length is 3; it must be at least the sum of .*, 4/,
    ],
    [
      "no characters to choose from",
      () => ({
        p: new random.RandomString("p", {
          length: 3,
          special: false,
          upper: false,
          lower: false,
          numeric: false,
        }),
      }),
      /at least one must be true/,
    ],
  ];
  for (const [what, resources, message] of refused) {
    it(`refuses ${what}`, async () => {
      run(resources);
      await assert.rejects(project.preview(), message);
    });
  }
});

describe("bcrypt", () => {
  it("gives the hashes of other implementations", () => {
    // Made with libxcrypt 4.4.
    const salt = Buffer.alloc(16);
    assert.equal(bcryptHash("", salt, 4), "$2a$04$......................w74bL5gU7LSJClZClCa.Pkz14aTv/XO");
    assert.equal(
      bcryptHash("hello world", salt),
      "$2a$10$......................0qB0aWGMv6DA02pNuQfoC.hs3kYE89a",
    );
  });

  it("looks at 72 bytes of the password, and at each of them", () => {
    const salt = Buffer.alloc(16, 7);
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 72 }), (password) => {
        const hash = bcryptHash(password, salt, 4);
        const padded = password.padEnd(72, "x");
        assert.match(hash, /^\$2a\$04\$[./A-Za-z0-9]{53}$/);
        assert.equal(bcryptHash(`${padded}tail`, salt, 4), bcryptHash(padded, salt, 4));
        assert.notEqual(bcryptHash(`${password.slice(0, -1)}\u0001\u0002`, salt, 4), hash);
      }),
      { numRuns: 20 },
    );
  });
});

/** The salt inside of a bcrypt hash. */
function saltOf(hash: string): Buffer {
  const from = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const to = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const base64 = hash.slice(7, 29).replace(/./g, (digit) => to[from.indexOf(digit)]!);
  return Buffer.from(base64, "base64");
}

/** A secret of the state, decrypted. */
function plaintext(value: unknown): string {
  return JSON.parse((value as { plaintext: string }).plaintext) as string;
}
