import assert from "node:assert/strict";
import fc from "fast-check";
import {
  changedPaths,
  sameValue,
  unwrapSecrets,
  withoutUndefined,
  wrapSecrets,
} from "../../providers/kit/values";

const SIGNATURE = "4dabf18193072939515e22adb298388d";
const secret = (value: unknown) => ({ [SIGNATURE]: "1b47061264138c4ac30d75fd1eb44270", value });

/** Plain JSON objects with secrets strewn in. */
const withSecrets = fc.dictionary(
  fc.string(),
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.string().map(secret),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.string(), tie("value"), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).value,
  { noNullPrototype: true },
);

describe("provider kit: values", () => {
  it("takes secret marks off and puts them back in the same places", () => {
    fc.assert(
      fc.property(withSecrets, (props) => {
        const { value, secrets } = unwrapSecrets(props);
        assert.ok(!JSON.stringify(value).includes(SIGNATURE));
        assert.deepEqual(wrapSecrets(value, secrets), props);
      }),
    );
  });

  it("marks the value above where a secret's own place is gone", () => {
    const { secrets } = unwrapSecrets({ database: { password: secret("x"), host: "h" } });
    assert.deepEqual(wrapSecrets({ database: "postgres://x@h" }, secrets), {
      database: secret("postgres://x@h"),
    });
    assert.deepEqual(wrapSecrets({ other: 1 }, secrets), { other: 1 });
  });

  it("marks a secret inside a secret once", () => {
    const { value, secrets } = unwrapSecrets({ all: secret({ inner: secret("x") }) });
    assert.deepEqual(value, { all: { inner: "x" } });
    assert.deepEqual(wrapSecrets(value, secrets), { all: secret({ inner: "x" }) });
  });

  it("drops undefined, which can't be sent", () => {
    assert.deepEqual(withoutUndefined({ a: undefined, b: { c: undefined, d: [undefined, 1] } }), {
      b: { d: [null, 1] },
    });
  });

  it("counts missing, undefined and null as the same", () => {
    assert.ok(sameValue({ a: 1, b: undefined }, { a: 1, c: null }));
    assert.ok(!sameValue({ a: [1, 2] }, { a: [2, 1] }));
  });

  it("names the paths that changed, down to single values", () => {
    const before = { title: "a", database: { host: "h", port: 1 }, "odd key": 1, __internal: 1 };
    const after = { title: "a", database: { host: "g", port: 1 }, "odd key": 2, __internal: 2 };
    assert.deepEqual(changedPaths(before, after), ["database.host", '["odd key"]']);
    assert.deepEqual(changedPaths(before, before), []);
  });
});
