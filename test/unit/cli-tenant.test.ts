import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readStackFile } from "../../config/stack-file";

const FLEET = resolve(__dirname, "../../cli/fleet.cjs");

describe("fleet tenant new", function () {
  this.timeout(30_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "tenant-new-"));
    writeFileSync(join(folder, "Pulumi.yaml"), "name: nocobase-fleet\nruntime: nodejs\n");
    writeFileSync(
      join(folder, "Pulumi.platform.yaml"),
      "config:\n  nocobase-fleet:environments: { blue: {}, green: {} }\n",
    );
  });

  after(() => rmSync(folder, { recursive: true }));

  function run(...args: string[]): { code: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [FLEET, "tenant", "new", ...args], {
      cwd: folder,
      encoding: "utf8",
    });
    return { code: status, output: stdout + stderr };
  }

  it("writes a valid, commented stack file", () => {
    const made = run("acme", "-p", "platform", "-e", "blue", "--app", "crm", "customer-portal");
    assert.equal(made.code, 0, made.output);
    const file = join(folder, "Pulumi.acme.yaml");
    const { spec, faults } = readStackFile(file);
    assert.equal(faults, undefined, JSON.stringify(faults));
    assert.equal(spec.platformStack, "platform");
    assert.deepEqual(Object.keys(spec.apps), ["crm", "customer-portal"]);
    assert.equal(spec.apps["customer-portal"]?.title, "Customer portal");
    assert.ok(readFileSync(file, "utf8").includes("  # What becomes of databases and files"));
  });

  it("never writes over a file", () => {
    writeFileSync(join(folder, "Pulumi.kept.yaml"), "config: {}\n");
    const refused = run("kept", "-p", "platform", "-e", "blue", "--app", "crm");
    assert.equal(refused.code, 1);
    assert.match(refused.output, /Pulumi\.kept\.yaml is there already and was left as it is/);
    assert.equal(readFileSync(join(folder, "Pulumi.kept.yaml"), "utf8"), "config: {}\n");
  });

  const refusals: [string, string[], RegExp][] = [
    [
      "an environment the platform lacks",
      ["x", "-p", "platform", "-e", "bleu", "-a", "crm"],
      /has blue, green.*"blue"/,
    ],
    [
      "a platform that is a tenant",
      ["x", "-p", "acme", "-e", "blue", "-a", "crm"],
      /write --platform platform/,
    ],
    [
      "an app's key that can't be one",
      ["x", "-p", "platform", "-e", "blue", "-a", "CRM"],
      /"CRM" can't be a key/,
    ],
    [
      "a name that can't be in a host name",
      ["a_b", "-p", "platform", "-e", "blue", "-a", "crm"],
      /"a_b" can't be/,
    ],
    ["no app", ["x", "-p", "platform", "-e", "blue"], /required option.*--app/],
  ];
  for (const [what, args, message] of refusals) {
    it(`refuses ${what}, and writes nothing`, () => {
      const refused = run(...args);
      assert.equal(refused.code, 2, refused.output);
      assert.match(refused.output, message);
      assert.ok(!existsSync(join(folder, `Pulumi.${args[0] ?? ""}.yaml`)));
    });
  }
});
