import assert from "node:assert/strict";
import { eventually, openApp, statusOf, type PlatformHarness } from "../support/fleet";
import { createNotes, underLoad, type LoadReport } from "../support/load";

type Apps = Record<string, Record<string, unknown>>;

/** What `up` says it did, without the components, sorted. */
function operations(stdout: string): string[] {
  return [...stdout.matchAll(/^\s*(created|updated|replaced|deleted)\s+(\S+)/gm)]
    .map(([, operation = "", name = ""]) => `${operation} ${name}`)
    .sort();
}

function assertUnnoticed(report: LoadReport): void {
  assert.deepEqual([report.failedReads, report.failedWrites], [[], []]);
}

/** One app in several processes: nobody who uses it notices how many, and no other app either. */
export function scale(harness: () => PlatformHarness): void {
  const editErp = (change: (erp: Record<string, unknown>) => void) =>
    harness().project.edit((values) => change((values.apps as Apps).erp!));
  const up = () => harness().project.succeed("up");
  const erp = () => openApp(harness().project, "erp");
  /** Identities of the replicas of erp, and of everything else. */
  const split = async () => {
    const entries = Object.entries(await harness().identities());
    const own = (name: string) => /^app-erp(\.|$)/.test(name);
    return {
      replicas: Object.fromEntries(entries.filter(([name]) => own(name))),
      others: Object.fromEntries(entries.filter(([name]) => !own(name))),
    };
  };

  describe("scale", () => {
    it("scales an app up under load, touching no running process", async () => {
      const app = await erp();
      await createNotes(app);
      const before = await split();
      editErp((values) => (values.replicas = 3));
      const report = await underLoad(app, async () => {
        assert.deepEqual(operations((await up()).stdout), harness().scaling("erp", 1, 3));
      });
      assertUnnoticed(report);
      const after = await split();
      assert.deepEqual(after.others, before.others);
      assert.equal(Object.keys(after.replicas).length, 3);
      assert.equal(after.replicas["app-erp"], before.replicas["app-erp"]);
      assert.deepEqual((await statusOf(harness().project)).erp!.replicas, { ready: 3, wanted: 3 });
      assert.match((await up()).stdout, /No changes/);
    });

    it("serves a change of the schema made through one replica by all of them within 2 s", async () => {
      const app = await erp();
      const report = await underLoad(app, async () => {
        for (let round = 0; round < 5; round++) {
          const name = `changed${round}`;
          await app.call("collections/notes/fields:create", { name, type: "string", interface: "input" });
          const made = Date.now();
          // Nine in a row: whichever replica answers knows it.
          for (let known = 0; known < 9;) {
            const row = await app
              .call<Record<string, unknown>>("notes:create", { number: round, [name]: "known" })
              .catch((): Record<string, unknown> => ({}));
            known = row[name] === "known" ? known + 1 : 0;
            if (known === 0) assert.ok(Date.now() - made < 2000, `${name} is unknown to a replica after 2 s`);
          }
        }
      });
      // NocoBase knows a field before its column is committed, one process as well as three: measured, half of what
      // comes in that moment is answered with this 400.
      const unexpected = [...report.failedReads, ...report.failedWrites].filter(
        (failure) => !failure.includes("Invalid SQL column or table reference"),
      );
      assert.deepEqual(unexpected, []);
    });

    it("answers reads and keeps acknowledged writes while a replica is killed, and brings it back", async () => {
      const before = await split();
      const app = await erp();
      const report = await underLoad(app, async () => {
        await harness().kill("app-erp.2");
        await eventually("three replicas are ready again", 120, async () => {
          const { replicas } = (await statusOf(harness().project)).erp!;
          return (
            replicas?.ready === 3 && (await split()).replicas["app-erp.2"] !== before.replicas["app-erp.2"]
          );
        });
      });
      assert.deepEqual(report.failedReads, []);
      const after = await split();
      assert.deepEqual(after.others, before.others);
      for (const name of ["app-erp", "app-erp.3"]) assert.equal(after.replicas[name], before.replicas[name]);
    });

    it("takes new settings over one replica after the other, unnoticed", async () => {
      const before = await split();
      editErp((values) => (values.resources = { memory: "1Gi", cpu: 2 }));
      assertUnnoticed(await underLoad(await erp(), up));
      const after = await split();
      assert.deepEqual(after.others, before.others);
      for (const [name, identity] of Object.entries(after.replicas)) {
        assert.notEqual(identity, before.replicas[name], name);
      }
    });

    it("scales it down under load, unnoticed", async () => {
      const before = await split();
      editErp((values) => delete values.replicas);
      const report = await underLoad(await erp(), async () => {
        assert.deepEqual(operations((await up()).stdout), harness().scaling("erp", 3, 1));
      });
      assertUnnoticed(report);
      const after = await split();
      assert.deepEqual(after.others, before.others);
      assert.deepEqual(after.replicas, { "app-erp": before.replicas["app-erp"] });
    });
  });
}
