import assert from "node:assert/strict";
import { openApp, statusOf, type PlatformHarness } from "../support/fleet";

/** Isolation of databases and secrecy. */
export function safety(harness: () => PlatformHarness): void {
  describe("isolation and secrecy", () => {
    it("refuses one app's credentials at another app's database", async () => {
      const rows = await statusOf(harness().project);
      for (const [app, other] of [
        ["crm", "erp"],
        ["erp", "crm"],
        ["crm", "blue"],
        ["support", "crm"],
      ] as const) {
        await assert.rejects(
          harness().query(app, rows[other]!.database!, "select 1"),
          /permission denied for database/,
          `${app} at ${other}`,
        );
      }
    });

    it("gives roles no power beyond their own database", async () => {
      const { crm } = await statusOf(harness().project);
      const [role] = await harness().query(
        "crm",
        crm!.database!,
        "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit from pg_roles where rolname = current_user",
      );
      const { rolconnlimit, ...powers } = role!;
      assert.deepEqual(Object.values(powers), [false, false, false, false, false]);
      assert.ok(Number(rolconnlimit) > 0);
    });

    it("shows no secret in state, logs, process arguments or files that others can read", async () => {
      const secrets = await harness().secrets();
      assert.ok(secrets.length > 20, "too few secrets were found in the state");
      const texts = await harness().exposedTexts();
      assert.ok(Object.keys(texts).length > 5, "too little was looked at");
      for (const [name, text] of Object.entries(texts)) {
        for (const secret of secrets)
          assert.ok(!text.includes(secret), `${name} holds a secret of the state`);
        assert.doesNotMatch(
          text,
          /(PASSWORD|SECRET|APP_KEY)(?![A-Z_]*_FILE=)[A-Z_]*=[^\s*]{8,}/,
          `${name} holds a secret variable`,
        );
      }
    });

    it("does not accept the host's root user in a shared app", async () => {
      const [blue, crm] = [await openApp(harness().project, "blue"), await openApp(harness().project, "crm")];
      Object.assign(crm, { email: blue.email, password: blue.password });
      await assert.rejects(crm.signIn(), /sign-in/);
    });
  });
}
