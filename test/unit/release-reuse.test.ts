import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { reuseInstall } from "../../providers/local/release/reuse";

describe("taking over an install of a release", () => {
  let root = "";
  beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-reuse-"))));
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  /** An install with one package of a registry and, where asked for, our own plugin as a link. */
  const install = (name: string, packageVersion: string, plugin?: string): string => {
    const folder = path.join(root, name);
    const modules = path.join(folder, "node_modules");
    fs.mkdirSync(path.join(modules, "foreign"), { recursive: true });
    fs.writeFileSync(path.join(modules, "foreign", "index.js"), `version ${packageVersion}`);
    fs.symlinkSync("foreign/index.js", path.join(modules, "link.js"));
    const packages: Record<string, unknown> = { "node_modules/foreign": { version: packageVersion } };
    if (plugin !== undefined) {
      packages["node_modules/@own/plugin"] = { link: true, resolved: "plugins/own" };
      packages["plugins/own"] = { version: plugin };
    }
    fs.writeFileSync(path.join(folder, "package-lock.json"), JSON.stringify({ packages }));
    return folder;
  };
  const wanted = (plugin: string): string => {
    const folder = install("wanted", "1", plugin);
    fs.rmSync(path.join(folder, "node_modules"), { recursive: true });
    fs.mkdirSync(path.join(folder, "plugins", "own"), { recursive: true });
    fs.writeFileSync(path.join(folder, "plugins", "own", "index.js"), plugin);
    return folder;
  };

  it("links the packages of one that differs in our own plugins alone", async () => {
    const folder = wanted("new");
    assert.equal(await reuseInstall([install("other", "2"), install("same", "1", "old")], folder), true);
    const file = (name: string) => fs.readFileSync(path.join(folder, "node_modules", name), "utf8");
    assert.equal(file("foreign/index.js"), "version 1");
    assert.equal(file("link.js"), "version 1");
    assert.equal(file("@own/plugin/index.js"), "new");
    assert.equal(fs.statSync(path.join(folder, "node_modules", "foreign", "index.js")).nlink, 2);
  });

  it("takes over no link to a plugin that it hasn't got", async () => {
    const other = install("other", "1", "old");
    fs.mkdirSync(path.join(other, "node_modules", "@own"));
    fs.symlinkSync("../../plugins/own", path.join(other, "node_modules", "@own", "plugin"));
    const folder = install("wanted", "1");
    fs.rmSync(path.join(folder, "node_modules"), { recursive: true });
    assert.equal(await reuseInstall([other], folder), true);
    assert.deepEqual(fs.readdirSync(path.join(folder, "node_modules", "@own")), []);
  });

  it("leaves it to npm where no install has the same packages", async () => {
    const folder = wanted("new");
    const broken = install("broken", "1");
    fs.writeFileSync(path.join(broken, "package-lock.json"), "{");
    assert.equal(await reuseInstall([install("other", "2"), broken], folder), false);
    assert.equal(fs.existsSync(path.join(folder, "node_modules")), false);
  });
});
