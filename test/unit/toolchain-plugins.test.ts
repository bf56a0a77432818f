/** Plugins: official or stand-ins, into which home, and when anew; the environment that results. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { spawnSync } from "node:child_process";
import { ensureToolchain, inspectToolchain } from "../../toolchain/ensure";
import { ensurePlugins, type PluginContext, type PluginSet } from "../../toolchain/plugins";
import { DownloadSite } from "../../toolchain/network";
import { noProgress } from "../../toolchain/progress";
import { activationFile, setupToolchain } from "../../toolchain/setup";
import { fixture, PLUGIN_MAIN, type Fixture } from "./toolchain-fixture";

describe("toolchain: plugins", () => {
  let at: Fixture;
  let offline: DownloadSite;

  beforeEach(() => {
    at = fixture();
    offline = new DownloadSite(at.env);
    offline.remember("the test allows no network");
  });
  afterEach(() => at.remove());

  function context(source: "path" | "go-build", extra: NodeJS.ProcessEnv = {}): PluginContext {
    const file = at.engine(path.join(at.root, "engine", "bin", "pulumi"), "3.256.0");
    const engine = { version: "3.256.0", path: file, root: path.join(at.root, "engine"), source };
    return { projectDir: at.projectDir, cache: at.cache, env: { ...at.env, ...extra }, engine };
  }
  const ensure = (
    source: "path" | "go-build",
    extra?: NodeJS.ProcessEnv,
    retry = false,
  ): Promise<PluginSet> => ensurePlugins(context(source, extra), offline, noProgress, retry);
  const installs = (): string[] => at.calls().filter((call) => call.includes("plugin install"));
  const executable = (home: string): string =>
    path.join(home, "plugins", "resource-random-v4.21.2", "pulumi-resource-random");
  const main = (): string => path.join(at.projectDir, "toolchain/plugins/random/main.ts");

  it("installs stand-ins that run, in a home of the project's own, for this user's eyes", async () => {
    const set = await ensure("path");
    assert.deepEqual(set.plugins, [{ name: "random", version: "4.21.2", source: "stand-in" }]);
    assert.equal(set.usersHome, false);
    assert.ok(set.pulumiHome.startsWith(at.cache));
    assert.equal(fs.statSync(set.pulumiHome).mode & 0o777, 0o700);
    const started = spawnSync(executable(set.pulumiHome), {
      timeout: 500,
      encoding: "utf8",
      killSignal: "SIGKILL",
    });
    assert.equal(started.stdout, "4711\n");
    assert.equal(fs.existsSync(path.join(at.root, "home", ".pulumi")), false);
  });

  it("installs them once, and again only when their text changes", async () => {
    const { pulumiHome } = await ensure("go-build");
    await ensure("go-build");
    assert.equal(installs().length, 1);
    // Touched, the same text: nothing to install.
    fs.utimesSync(main(), new Date(), new Date(Date.now() + 5000));
    await ensure("go-build");
    assert.equal(installs().length, 1);
    at.write(main(), `console.log("4712"); setTimeout(() => undefined, 60_000);`);
    await ensure("go-build");
    assert.equal(installs().length, 2);
    assert.match(fs.readFileSync(executable(pulumiHome), "utf8"), /4712/);
  });

  it("puts back a stand-in that was removed", async () => {
    const { pulumiHome } = await ensure("go-build");
    fs.rmSync(path.join(pulumiHome, "plugins"), { recursive: true });
    await ensure("go-build");
    assert.ok(fs.existsSync(executable(pulumiHome)));
  });

  for (const [what, text, message] of [
    [
      "can't be bundled",
      `import "./nowhere";`,
      /main\.ts can't be bundled: .*Could not resolve "\.\/nowhere"/s,
    ],
    ["does not start", `throw new Error("no port for me");`, /main\.ts does not start: .*no port for me/s],
  ] as const) {
    it(`refuses a stand-in that ${what}, and installs nothing`, async () => {
      at.write(main(), text);
      await assert.rejects(ensure("go-build"), message);
      assert.deepEqual(installs(), []);
      at.write(main(), PLUGIN_MAIN);
      assert.equal((await ensure("go-build")).plugins[0]?.source, "stand-in");
    });
  }

  it("takes official plugins that the user's engine has already", async () => {
    const home = path.join(at.root, "home", ".pulumi");
    at.script(executable(home), "exit 0");
    assert.deepEqual(await ensure("path"), {
      pulumiHome: home,
      usersHome: true,
      plugins: [{ name: "random", version: "4.21.2", source: "official" }],
    });
    assert.deepEqual(installs(), []);
    // Not for an engine of ours, which has a home of its own.
    assert.equal((await ensure("go-build")).plugins[0]?.source, "stand-in");
  });

  it("passes over an official plugin whose download was broken off", async () => {
    const home = path.join(at.root, "home", ".pulumi");
    at.script(executable(home), "exit 0");
    at.write(path.join(home, "plugins", "resource-random-v4.21.2.partial"), "");
    assert.equal((await ensure("path")).plugins[0]?.source, "stand-in");
  });

  it("tries the official download first, once", async () => {
    // A proxy may reach what this machine can't: only the engine's own try can tell.
    const env = { HTTPS_PROXY: "http://127.0.0.1:1" };
    const site = new DownloadSite({ ...at.env, ...env });
    const set = await ensurePlugins(context("go-build", env), site, noProgress, false);
    assert.equal(set.plugins[0]?.source, "stand-in");
    assert.match(installs()[0] ?? "", /plugin install resource random 4\.21\.2$/);
    assert.match(installs()[1] ?? "", /--file .* --reinstall$/);
    assert.match((await site.refusal()) ?? "", /403 no downloads here/);
    await ensurePlugins(context("go-build", env), new DownloadSite({ ...at.env, ...env }), noProgress, false);
    assert.equal(installs().length, 2);
    await ensurePlugins(context("go-build", env), new DownloadSite({ ...at.env, ...env }), noProgress, true);
    assert.equal(installs().length, 3);
  });

  it("takes what NOCOBASE_FLEET_PLUGINS names, and no other", async () => {
    at.script(executable(path.join(at.root, "home", ".pulumi")), "exit 0");
    const source = async (value: string): Promise<string | undefined> =>
      (await ensure("path", { NOCOBASE_FLEET_PLUGINS: value })).plugins[0]?.source;
    assert.equal(await source("stand-in"), "stand-in");
    assert.equal(await source("official"), "official");
    await assert.rejects(ensure("go-build", { NOCOBASE_FLEET_PLUGINS: "official" }), /forbids stand-ins/);
    await assert.rejects(
      ensure("path", { NOCOBASE_FLEET_PLUGINS: "both" }),
      /allowed are official, stand-in/,
    );
  });

  it("names the plugin that has no stand-in", async () => {
    fs.rmSync(path.dirname(main()), { recursive: true });
    await assert.rejects(ensure("go-build"), /no stand-in for random 4\.21\.2.*get\.pulumi\.com/s);
  });

  describe("whole", () => {
    const options = (extra: NodeJS.ProcessEnv = {}) => ({
      projectDir: at.projectDir,
      env: { ...at.env, NOCOBASE_FLEET_ENGINE: "build", NOCOBASE_FLEET_PLUGINS: "stand-in", ...extra },
    });

    it("gives the engine's environment: own home, host beside the engine, no downloads", async () => {
      at.go("3.256.0");
      const { engine, languageHost, env, pulumiHome } = await ensureToolchain(options());
      assert.deepEqual(languageHost, {
        path: path.join(engine.root, "bin", "pulumi-language-nodejs"),
        source: "ours",
        besideEngine: true,
      });
      assert.deepEqual(env, {
        PATH: `${path.dirname(engine.path)}:${at.env.PATH ?? ""}`,
        PULUMI_HOME: pulumiHome,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      });
    });

    it("keeps the user signed in to a Pulumi service, in spite of the other home", async () => {
      at.go("3.256.0");
      const { env } = await ensureToolchain(options({ PULUMI_BACKEND_URL: "https://api.pulumi.com" }));
      assert.equal(env.PULUMI_CREDENTIALS_PATH, path.join(at.root, "home", ".pulumi"));
    });

    it("brings its own language host for an engine on PATH without one, and writes nothing beside it", async () => {
      at.engine(path.join(at.bin, "pulumi"), "3.256.0");
      const { languageHost, env } = await ensureToolchain(options({ NOCOBASE_FLEET_ENGINE: "path" }));
      assert.equal(languageHost.source, "ours");
      assert.ok(languageHost.path.startsWith(at.cache));
      assert.equal(env.PATH?.split(":")[0], path.dirname(languageHost.path));
      assert.equal(env.PULUMI_IGNORE_AMBIENT_PLUGINS, undefined);
      assert.deepEqual(fs.readdirSync(at.bin), ["pulumi"]);
    });

    it("takes the official language host of an engine on PATH", async () => {
      at.engine(path.join(at.bin, "pulumi"), "3.256.0");
      const official = at.script(path.join(at.bin, "pulumi-language-nodejs"), "exit 0");
      const { languageHost } = await ensureToolchain(options({ NOCOBASE_FLEET_ENGINE: "path" }));
      assert.deepEqual(languageHost, { path: official, source: "official", besideEngine: true });
    });

    it("is inspected without a trace", async () => {
      at.go("3.256.0");
      const before = await inspectToolchain(options());
      assert.equal(before.engine, undefined);
      assert.equal(before.engineFaults["go-build"], "no engine is built yet");
      assert.equal(fs.existsSync(at.cache), false);
      const toolchain = await ensureToolchain(options());
      const calls = at.calls().length;
      const after = await inspectToolchain(options());
      assert.deepEqual(after.engine, toolchain.engine);
      assert.deepEqual(after.languageHost, toolchain.languageHost);
      assert.deepEqual(after.plugins?.plugins, toolchain.plugins);
      assert.equal(at.calls().length, calls);
    });

    it("writes an activation file that a shell can read, with no secret in it", async () => {
      at.go("3.256.0");
      const lines = await setupToolchain(options());
      const file = activationFile(at.projectDir);
      assert.ok(lines.some((line) => line.includes(file)));
      const shell = spawnSync("sh", ["-c", `. '${file}'; pulumi version; echo "$PATH"; env`], {
        env: { PATH: "/usr/bin:/bin" },
        encoding: "utf8",
      });
      assert.equal(shell.status, 0, shell.stderr);
      assert.match(shell.stdout, /^v3\.256\.0\n.*\/bin:\/usr\/bin:\/bin\n/);
      assert.match(
        shell.stdout,
        new RegExp(`^PULUMI_BACKEND_URL=file://${at.projectDir}/\\.pulumi-state\\?metadata=skip$`, "m"),
      );
      const passphraseFile = /^PULUMI_CONFIG_PASSPHRASE_FILE=(.*)$/m.exec(shell.stdout)?.[1] ?? "";
      assert.ok(!fs.readFileSync(file, "utf8").includes(fs.readFileSync(passphraseFile, "utf8")));
    });
  });
});
