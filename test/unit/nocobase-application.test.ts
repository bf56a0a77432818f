import assert from "node:assert/strict";
import fc from "fast-check";
import { UNKNOWN, type Props } from "../../providers/kit/types";
import type { LiveApplication, LiveStatus } from "../../providers/nocobase/client";
import { diffInputs } from "../../providers/nocobase/application/diff";
import { idOf, parseId } from "../../providers/nocobase/application/identity";
import { checkInputs, knownInputs } from "../../providers/nocobase/application/inputs";
import { asDeclared, stateOf, targetState } from "../../providers/nocobase/application/live";
import {
  decrypt,
  differences,
  encrypt,
  liveDatabase,
  valuesFor,
} from "../../providers/nocobase/application/options";
import { inTurn } from "../../providers/nocobase/application/queue";
import { schema } from "../../providers/nocobase/schema";

const KEY = "0123456789abcdef".repeat(4);

/** Whole and valid inputs, with some changed. */
function inputs(changes: Props = {}): Props {
  return {
    host: {
      url: "http://127.0.0.1:21034",
      account: "host@example.com",
      password: "host password",
      encryptionKey: KEY,
    },
    name: "crm",
    title: "CRM",
    cname: "crm.localhost",
    startMode: "auto",
    state: "running",
    database: { host: "127.0.0.1", port: 5432, name: "db_crm", user: "crm", password: "db password" },
    jwtSecret: "a secret of sixteen characters",
    rootEmail: "root@crm.test",
    rootNickname: "Root",
    rootPassword: "root password",
    ...changes,
  };
}

const within = (key: "host" | "database", changes: Props) => ({
  [key]: { ...(inputs()[key] as Props), ...changes },
});

function live(changes: Partial<LiveApplication> = {}): LiveApplication {
  return { ...valuesFor(knownInputs(inputs())), status: "running", ...changes };
}

describe("nocobase:index:Application", () => {
  describe("check", () => {
    it("accepts whole inputs and fills in defaults", () => {
      const { inputs: checked, failures } = checkInputs(inputs({ startMode: undefined, state: null }));
      assert.equal(failures, undefined);
      assert.deepEqual([checked.startMode, checked.state], ["auto", "running"]);
    });

    const bad: [string, Props, string, RegExp][] = [
      ["an upper-case name", { name: "Crm" }, "name", /"Crm" must start with a letter, hold only a-z/],
      ["a name with a dot", { name: "crm.x" }, "name", /hold only a-z, 0-9 and -/],
      ["a long name", { name: "a".repeat(64) }, "name", /at most 63 characters/],
      ["the name main", { name: "main" }, "name", /the host itself: choose another name/],
      ["an empty title", { title: "" }, "title", /must not be empty/],
      ["a cname with a port", { cname: "crm.localhost:80" }, "cname", /without a port/],
      ["an upper-case cname", { cname: "Crm.localhost" }, "cname", /in lower case/],
      ["an unknown start mode", { startMode: "eager" }, "startMode", /"eager" must be auto .* or lazy/],
      ["an unknown state", { state: "paused" }, "state", /"paused" must be running, stopped or operator/],
      ["a short JWT secret", { jwtSecret: "short" }, "jwtSecret", /at least 16 characters/],
      ["no e-mail", { rootEmail: "root" }, "rootEmail", /"root" must be an e-mail address/],
      [
        "the host's password",
        { rootPassword: "host password" },
        "rootPassword",
        /hosting instance's root password/,
      ],
      ["an address with a path", within("host", { url: "http://h:1/api" }), "host.url", /without a path/],
      ["an address with a password", within("host", { url: "http://a:b@h:1" }), "host.url", /without a path/],
      ["a short key", within("host", { encryptionKey: "abc" }), "host.encryptionKey", /64 hex digits/],
      ["port 0", within("database", { port: 0 }), "database.port", /0 must be a port number, 1 to 65535/],
      ["a port as text", within("database", { port: "5432" }), "database.port", /1 to 65535/],
      [
        "no database password",
        within("database", { password: "" }),
        "database.password",
        /must not be empty/,
      ],
      [
        "an sslMode of others",
        within("database", { sslMode: "verify-ca" }),
        "database.sslMode",
        /verify-full/,
      ],
      ["no database", { database: undefined }, "database", /must hold host, port, name, user and password/],
    ];
    for (const [what, changes, property, reason] of bad) {
      it(`refuses ${what}`, () => {
        const { failures } = checkInputs(inputs(changes));
        assert.deepEqual(
          failures?.map((failure) => failure.property),
          [property],
        );
        assert.match(failures[0]!.reason, reason);
      });
    }

    it("reports all faults at once and shows no secret", () => {
      const secrets = {
        jwtSecret: "s3cr3t",
        rootPassword: "s3c",
        ...within("host", { encryptionKey: "s3cr3t" }),
      };
      const { failures } = checkInputs(inputs({ ...secrets, name: "X", title: "" }));
      assert.deepEqual(failures?.map((failure) => failure.property).sort(), [
        "host.encryptionKey",
        "jwtSecret",
        "name",
        "rootPassword",
        "title",
      ]);
      assert.ok(!JSON.stringify(failures).includes("s3c"));
    });

    it("says nothing about values that aren't known yet", () => {
      for (const [key, value] of Object.entries(inputs())) {
        assert.equal(checkInputs(inputs({ [key]: UNKNOWN })).failures?.length ?? 0, 0, key);
        if (typeof value !== "object" || value === null) continue;
        for (const inner of Object.keys(value)) {
          const changes = within(key as "host" | "database", { [inner]: UNKNOWN });
          assert.equal(checkInputs(inputs(changes)).failures?.length ?? 0, 0, `${key}.${inner}`);
        }
      }
    });

    it("gives inputs that it accepts as they are", () => {
      const once = checkInputs(inputs()).inputs;
      assert.deepEqual(checkInputs(once).inputs, once);
    });
  });

  describe("diff", () => {
    const outputs = { ...inputs(), url: "http://127.0.0.1:21034/apps/crm/" };
    const diff = (changes: Props) => diffInputs(inputs(), outputs, inputs(changes));

    it("is empty without a change", () => {
      assert.deepEqual(diff({}).changes, []);
    });

    const replaces: [string, Props, string][] = [
      ["another name", { name: "sales" }, "name"],
      ["another host", within("host", { url: "http://127.0.0.1:21035" }), "host.url"],
      ["another database", within("database", { name: "db_crm2" }), "database.name"],
      ["a database name not known yet", within("database", { name: UNKNOWN }), "database.name"],
      ["a database not known yet", { database: UNKNOWN }, "database"],
      ["a host not known yet", { host: UNKNOWN }, "host"],
    ];
    for (const [what, changes, path] of replaces) {
      it(`replaces on ${what}, the old one first`, () => {
        const { changes: found, deleteBeforeReplace } = diff(changes);
        assert.deepEqual(found, [{ path, kind: "update", replace: true }]);
        assert.equal(deleteBeforeReplace, true);
      });
    }

    const updates: [Props, string, string][] = [
      [{ title: "Sales" }, "title", "update"],
      [{ cname: undefined }, "cname", "delete"],
      [{ startMode: "lazy" }, "startMode", "update"],
      [{ state: "stopped" }, "state", "update"],
      [{ jwtSecret: "another secret of characters" }, "jwtSecret", "update"],
      [{ rootEmail: "boss@crm.test" }, "rootEmail", "update"],
      [{ rootNickname: "Boss" }, "rootNickname", "update"],
      [{ rootPassword: "another password" }, "rootPassword", "update"],
      [within("host", { password: "new" }), "host.password", "update"],
      [within("database", { host: "db" }), "database.host", "update"],
      [within("database", { port: 5433 }), "database.port", "update"],
      [within("database", { user: "crm2" }), "database.user", "update"],
      [within("database", { password: UNKNOWN }), "database.password", "update"],
      [within("database", { sslMode: "require" }), "database.sslMode", "add"],
    ];
    for (const [changes, path, kind] of updates) {
      it(`updates ${path} in place`, () => {
        const found = diff(changes);
        assert.deepEqual(found.changes, [{ path, kind }]);
        assert.ok(!found.deleteBeforeReplace);
      });
    }

    it("goes on with root credentials that a failed run didn't get to", () => {
      const unset = { rootEmail: undefined, rootNickname: undefined, rootPassword: undefined };
      const { changes } = diffInputs(inputs(), { ...outputs, ...unset }, inputs());
      assert.deepEqual(changes.map(({ path }) => path).sort(), ["rootEmail", "rootNickname", "rootPassword"]);
    });

    it("takes what an import can't know as equal, and sets it in the next update", () => {
      const known = (props: Props): Props => {
        const host = { url: "http://127.0.0.1:21034", account: "host@example.com" };
        const unset = {
          jwtSecret: undefined,
          rootEmail: undefined,
          rootNickname: undefined,
          rootPassword: undefined,
        };
        return { ...props, ...unset, host, database: { ...(props.database as Props), password: undefined } };
      };
      assert.deepEqual(diffInputs(known(inputs()), known(outputs), inputs(), true).changes, []);
      assert.equal(diffInputs(inputs(), known(outputs), inputs()).changes.length, 7);
    });
  });

  describe("what NocoBase stores", () => {
    it("gives every password back with the right key, and nothing with another", () => {
      const hex = fc.string({
        unit: fc.constantFrom(...Array.from("0123456789abcdef")),
        minLength: 64,
        maxLength: 64,
      });
      fc.assert(
        fc.property(fc.string({ unit: "binary" }), hex, hex, (text, key, other) => {
          assert.equal(decrypt(encrypt(text, key), key), text);
          // Another key leaves random padding, which is valid once in 256 times; the text is wrong all the same.
          if (key !== other && text !== "") assert.notEqual(decrypt(encrypt(text, key), other), text);
        }),
      );
    });

    it("holds no password in the clear", () => {
      assert.ok(!JSON.stringify(valuesFor(knownInputs(inputs()))).includes("db password"));
    });

    it("says the same as the inputs it was made from", () => {
      for (const sslMode of [undefined, "disable", "require", "verify-full"]) {
        const wanted = knownInputs(inputs(within("database", { sslMode })));
        const stored: LiveApplication = { ...valuesFor(wanted), status: "running" };
        assert.deepEqual(differences(stored, wanted), { registration: false, restart: false });
        assert.deepEqual(liveDatabase(stored, KEY), { sslMode: undefined, ...wanted.database });
      }
    });

    it("tells what needs a restart from what acts at once", () => {
      const against = (changes: Props) => differences(live(), knownInputs(inputs(changes)));
      const atOnce = { registration: true, restart: false };
      assert.deepEqual(against({ title: "Sales" }), atOnce);
      assert.deepEqual(against({ cname: undefined }), atOnce);
      assert.deepEqual(against({ startMode: "lazy" }), atOnce);
      const restart = { registration: true, restart: true };
      assert.deepEqual(against({ jwtSecret: "another secret of characters" }), restart);
      assert.deepEqual(against(within("database", { password: "new" })), restart);
      assert.deepEqual(against(within("database", { host: "db" })), restart);
      assert.deepEqual(against({ rootPassword: "another password" }), {
        registration: false,
        restart: false,
      });
    });

    it("never starts a stopped application with its host", () => {
      assert.equal(valuesFor(knownInputs(inputs({ state: "stopped" }))).options.autoStart, false);
    });
  });

  describe("live states", () => {
    const all: LiveStatus[] = [
      "preparing",
      "initializing",
      "initialized",
      "commanding",
      "running",
      "stopped",
      "error",
      "not_found",
    ];
    const good = (state: "running" | "stopped", startMode: "auto" | "lazy") =>
      all.filter((status) => asDeclared(status, { state, startMode }));

    it("count as declared", () => {
      const up: LiveStatus[] = ["preparing", "initializing", "commanding", "running"];
      const down: LiveStatus[] = ["initialized", "stopped", "error", "not_found"];
      assert.deepEqual(good("running", "auto"), up);
      assert.deepEqual(good("running", "lazy"), [
        "preparing",
        "initializing",
        "initialized",
        "commanding",
        "running",
        "stopped",
      ]);
      assert.deepEqual(good("stopped", "auto"), down);
      assert.deepEqual(good("stopped", "lazy"), down);
    });

    it("show in a refresh as the other declared state when they differ", () => {
      assert.equal(stateOf("error", { state: "running", startMode: "auto" }), "stopped");
      assert.equal(stateOf("stopped", { state: "running", startMode: "lazy" }), "running");
      assert.equal(stateOf("running", { state: "stopped", startMode: "auto" }), "running");
      for (const status of ["running", "stopped", "error"] as const)
        assert.equal(stateOf(status, { state: "operator", startMode: "auto" }), "operator");
      assert.equal(targetState({ state: "operator", startMode: "auto" }, undefined), "running");
      assert.equal(targetState({ state: "operator", startMode: "auto" }, "stopped"), "stopped");
    });
  });

  it("has its address as id", () => {
    assert.equal(idOf("http://127.0.0.1:21034", "crm"), "http://127.0.0.1:21034/apps/crm/");
    assert.deepEqual(parseId("http://127.0.0.1:21034/apps/crm"), {
      url: "http://127.0.0.1:21034",
      name: "crm",
    });
    assert.throws(() => parseId("crm"), /"crm" is not the id of an application: give its address/);
  });

  it("starts four at a time on one host, in order, also after failures", async () => {
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const work = (index: number) =>
      inTurn(
        "http://h",
        () => undefined,
        async () => {
          most = Math.max(most, ++running);
          order.push(index);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running--;
          if (index % 3 === 0) throw new Error("failed");
        },
      ).catch(() => undefined);
    await Promise.all(Array.from({ length: 20 }, (_, index) => work(index)));
    assert.equal(most, 4);
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, index) => index),
    );
  });

  it("has a schema with every input, its secrets marked", () => {
    const { inputProperties, requiredInputs } = schema.resources["nocobase:index:Application"];
    assert.deepEqual(Object.keys(inputProperties).sort(), Object.keys(inputs()).sort());
    const optional = Object.keys(inputProperties).filter((name) => !requiredInputs.includes(name));
    assert.deepEqual(optional.sort(), ["cname", "startMode", "state"]);
    const secrets = Object.entries({ ...inputProperties, ...schema.types["nocobase:index:Host"].properties })
      .filter(([, property]) => "secret" in property)
      .map(([name]) => name);
    assert.deepEqual(secrets.sort(), ["encryptionKey", "jwtSecret", "password", "rootPassword"]);
  });
});
