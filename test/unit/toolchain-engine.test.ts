/** Which engine is taken, in which order, and that a built one is cached and built once. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import fc from "fast-check";
import { PulumiCommand } from "@pulumi/pulumi/automation";
import { buildRoot } from "../../toolchain/engine/build";
import { ensureEngine, surveyEngines, type Engine, type EngineContext } from "../../toolchain/engine/choose";
import { PROJECT_DIR } from "../../toolchain/locations";
import { DownloadSite } from "../../toolchain/network";
import { lineProgress, noProgress } from "../../toolchain/progress";
import {
  compareVersions,
  engineFault,
  minimumEngineVersion,
  parseVersion,
  pinnedEngineVersion,
  requiredPlugins,
} from "../../toolchain/versions";
import { fixture, type Fixture } from "./toolchain-fixture";

describe("toolchain: engine", () => {
  let at: Fixture;
  let site: DownloadSite;

  beforeEach(() => {
    at = fixture();
    site = new DownloadSite(at.env);
    site.remember("the test allows no network");
  });
  afterEach(() => at.remove());

  function context(extra: NodeJS.ProcessEnv = {}): EngineContext {
    return { projectDir: at.projectDir, cache: at.cache, env: { ...at.env, ...extra } };
  }
  const ensure = (extra?: NodeJS.ProcessEnv): Promise<Engine> =>
    ensureEngine(context(extra), site, noProgress);

  it("takes a new enough engine from PATH before all others", async () => {
    at.go("3.256.0");
    const file = at.engine(path.join(at.bin, "pulumi"), "3.250.1");
    assert.deepEqual(await ensure(), { version: "3.250.1", path: file, root: at.root, source: "path" });
    assert.deepEqual(at.calls(), ["pulumi version"]);
  });

  for (const [version, fault] of [
    ["3.247.9", /is version 3\.247\.9; needed is 3\.248\.0 or later/],
    ["4.0.0", /is version 4\.0\.0; needed is major version 3/],
    ["soon", /answers "soon" to `pulumi version`/],
  ] as const) {
    it(`passes over an engine on PATH of version ${version}`, async () => {
      at.go("3.256.0");
      at.engine(path.join(at.bin, "pulumi"), version.replace(/^v/, ""));
      assert.match((await surveyEngines(context())).faults.path ?? "", fault);
      assert.equal((await ensure()).source, "go-build");
    });
  }

  it("passes over an engine on PATH that does not start, and says why", async () => {
    at.script(path.join(at.bin, "pulumi"), "echo no such library >&2; exit 3");
    const { faults } = await surveyEngines(context());
    assert.match(faults.path ?? "", /can't be used: .*pulumi version` ended with code 3: no such library/);
  });

  it("does not take its own cached engine, put on PATH by an activated shell, for the user's", async () => {
    at.go("3.256.0");
    const built = await ensure();
    const again = await ensure({ PATH: `${path.dirname(built.path)}:${at.env.PATH ?? ""}` });
    assert.equal(again.source, "go-build");
  });

  it("gives the Automation API a root, wherever on PATH the engine lies", async () => {
    const folder = path.join(at.root, "pulumi-3.250");
    at.engine(path.join(folder, "pulumi"), "3.250.0");
    const engine = await ensure({ PATH: `${folder}:/usr/bin:/bin` });
    assert.equal(engine.source, "path");
    assert.equal((await PulumiCommand.get({ root: engine.root })).version?.toString(), "3.250.0");
  });

  it("builds once, and then takes what was built without running anything", async () => {
    at.go("3.256.0");
    const engine = await ensure();
    assert.equal(engine.source, "go-build");
    assert.equal(engine.version, "3.256.0");
    assert.equal(engine.path, path.join(engine.root, "bin", "pulumi"));
    assert.deepEqual(at.calls(), ["go env", "go build", "pulumi version"]);
    assert.deepEqual(await ensure(), engine);
    assert.equal(at.calls().length, 3);
  });

  it("builds anew when the pinned modules change", async () => {
    at.go("3.256.0");
    const first = await ensure();
    at.write(path.join(at.projectDir, "toolchain/engine/go.sum"), "sum 2\n");
    const second = await ensure();
    assert.notEqual(second.root, first.root);
    assert.equal(at.calls().filter((call) => call === "go build").length, 2);
  });

  it("builds once for two runs at the same time; the second one waits and says so", async () => {
    at.go("3.256.0", "sleep 1");
    const lines: string[] = [];
    const progress = lineProgress((line) => lines.push(line));
    const [one, two] = await Promise.all([
      ensureEngine(context(), site, progress),
      ensureEngine(context(), site, progress),
    ]);
    assert.deepEqual(one, two);
    assert.equal(at.calls().filter((call) => call === "go build").length, 1);
    assert.ok(lines.some((line) => line.includes(`process ${process.pid} on`)));
  });

  it("replaces a cached engine that was cut short", async () => {
    at.go("3.256.0");
    const engine = await ensure();
    fs.truncateSync(engine.path, 10);
    assert.equal((await surveyEngines(context())).engine, undefined);
    assert.deepEqual(await ensure(), engine);
    assert.equal(at.calls().filter((call) => call === "go build").length, 2);
  });

  it("reports a failed build with the end of Go's output, leaves nothing, and goes on next time", async () => {
    at.go("3.256.0", "echo proxy says 404 >&2; exit 1");
    await assert.rejects(ensure(), /proxy says 404\n.*GOPROXY.*run the same command again/s);
    assert.equal(fs.existsSync(buildRoot(at.projectDir, at.cache)), false);
    at.go("3.256.0");
    assert.equal((await ensure()).source, "go-build");
  });

  it("does not keep a build that is no engine", async () => {
    at.go("3.256.0");
    at.script(path.join(at.root, "made-3.256.0"), "exit 9");
    await assert.rejects(ensure(), /pulumi version` ended with code 9/);
    assert.equal(fs.existsSync(buildRoot(at.projectDir, at.cache)), false);
  });

  it("says what to install where there is no way to an engine", async () => {
    at.engine(path.join(at.bin, "pulumi"), "3.1.0");
    at.script(path.join(at.bin, "go"), `echo "go: go.mod requires go >= 1.25.11" >&2; exit 1`);
    await assert.rejects(ensure(), (error: Error) => {
      assert.match(
        error.message,
        /the pulumi on PATH \(.*\) is version 3\.1\.0; needed is 3\.248\.0 or later/,
      );
      assert.match(error.message, /official download is not possible \(the test allows no network\)/);
      assert.match(error.message, /Go can't build it: go: go\.mod requires go >= 1\.25\.11/);
      assert.match(error.message, /install the Pulumi CLI 3\.248\.0 or later/);
      return true;
    });
  });

  it("takes the one source that NOCOBASE_FLEET_ENGINE names, and no other", async () => {
    at.engine(path.join(at.bin, "pulumi"), "3.256.0");
    at.go("3.256.0");
    assert.equal((await ensure({ NOCOBASE_FLEET_ENGINE: "build" })).source, "go-build");
    assert.equal((await ensure({ NOCOBASE_FLEET_ENGINE: "path" })).source, "path");
    await assert.rejects(ensure({ NOCOBASE_FLEET_ENGINE: "download" }), /the test allows no network/);
    await assert.rejects(
      ensure({ NOCOBASE_FLEET_ENGINE: "brew" }),
      /is "brew"; allowed are path, download, build/,
    );
  });

  it("reads this project's own pins", () => {
    const pinned = pinnedEngineVersion(PROJECT_DIR);
    assert.equal(engineFault(pinned, minimumEngineVersion(PROJECT_DIR)), undefined);
    assert.deepEqual(
      requiredPlugins(PROJECT_DIR).map((plugin) => plugin.name),
      ["docker", "kubernetes", "postgresql", "random"],
    );
  });

  it("says that npm packages are not installed", async () => {
    fs.rmSync(path.join(at.projectDir, "node_modules"), { recursive: true });
    at.engine(path.join(at.bin, "pulumi"), "3.256.0");
    assert.throws(() => requiredPlugins(at.projectDir), /@pulumi\/pulumi is not installed in .*npm ci/);
    await assert.rejects(ensure(), /npm ci/);
  });
});

describe("toolchain: versions", () => {
  const version = fc.tuple(fc.nat(99), fc.nat(999), fc.nat(999));

  it("reads what it is told", () => {
    fc.assert(
      fc.property(
        version,
        fc.constantFrom("", "v"),
        fc.constantFrom("", "-alpha.1", "+dirty", "\n"),
        (v, pre, post) => {
          assert.deepEqual(parseVersion(`${pre}${v.join(".")}${post}`), v);
        },
      ),
    );
  });

  it("orders versions as a whole", () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        assert.equal(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a)), 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
        assert.equal(compareVersions(a, b) === 0, a.join(".") === b.join("."));
      }),
    );
  });
});
