/** Tenants' stacks on a platform stack in Docker: who reaches whom. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { defaults } from "../../config/schema/parts";
import { buildImages } from "../../platforms/docker/images/build";
import { startDocker } from "../plugins/support/docker-stack";
import type { TestDocker } from "../support/dockerd";
import { ensureMmdebstrap } from "../support/mmdebstrap";
import { skipBecause } from "../support/skip";
import { App } from "./support/app";
import { DockerHarness } from "./support/docker";
import { gatewayPort } from "./support/local";
import { Project, type Run, type Values } from "./support/project";

const REACH_LIMIT_MS = 4000;

interface Report {
  stacks: { stack: string; ok: boolean; error?: string; changes: object }[];
}

describe("tenants in Docker", function () {
  this.timeout(15 * 60_000);
  const port = gatewayPort() + 3000;
  const platform = `p${process.pid}`;
  const [acme, globex] = [`a${process.pid}`, `g${process.pid}`];
  const stacks = [platform, acme, globex].join(",");
  let server: TestDocker;
  let project: Project | undefined;
  const host = process.env.DOCKER_HOST;

  before(async function () {
    server = await startDocker(this);
    const missing = await ensureMmdebstrap();
    if (missing !== undefined) skipBecause(this, missing);
    process.env.DOCKER_HOST = server.host;
    const only = ["proxy", "postgres", "node", "nocobase"] as const;
    await buildImages({ docker: server.docker, release: defaults.release, only });
    project = new Project(platform, {
      platform: "docker",
      images: "local",
      deletion: "delete",
      gateway: { port },
      environments: { blue: {} },
    });
    write(acme, { platformStack: platform, deletion: "delete", apps: { erp: { isolation: "dedicated" } } });
    write(globex, {
      platformStack: platform,
      deletion: "delete",
      databaseServers: { own: { kind: "managed" } },
      apps: { crm: { environment: "blue" } },
    });
  });

  after(async () => {
    for (const stack of project ? [globex, acme, platform] : []) {
      await new DockerHarness(asStack(stack), server.docker).cleanUp();
    }
    project?.remove();
    if (host === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = host;
    if (server as TestDocker | undefined) await server.stop();
  });

  const made = (): Project => project ?? assert.fail("there is no project");

  /** The project with another stack selected. */
  function asStack(stack: string): Project {
    // Its folder is all stacks', so it goes in the end.
    return Object.create(made(), { stack: { value: stack }, remove: { value: () => undefined } }) as Project;
  }

  function write(stack: string, values: Values): void {
    const file = path.join(made().folder, `Pulumi.${stack}.yaml`);
    const before = fs.existsSync(file) ? (parse(fs.readFileSync(file, "utf8")) as Values) : {};
    const config = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [`nocobase-fleet:${key}`, value]),
    );
    fs.writeFileSync(file, stringify({ ...before, config }));
  }

  const page = (name: string) => new App(`http://${name}.localhost:${port}`, "", "").send("/admin");
  const report = (run: Run) => JSON.parse(run.stdout) as Report;
  const container = (stack: string, part: string) =>
    server.docker.getContainer(`fleet-${stack.split("/").pop()!}-${part}`);
  const networksOf = async (stack: string, part: string) =>
    (await container(stack, part).inspect()).NetworkSettings.Networks;

  /** Whether a program in `from` gets a TCP connection. */
  async function reaches(from: [stack: string, part: string], address: string, to: number): Promise<boolean> {
    const program = `
      const socket = require("node:net").connect({ host: ${JSON.stringify(address)}, port: ${to} });
      socket.setTimeout(${REACH_LIMIT_MS}, () => process.exit(3));
      socket.on("connect", () => process.exit(0)).on("error", () => process.exit(2));`;
    const exec = await container(...from).exec({ Cmd: ["node", "-e", program], AttachStdout: true });
    const stream = await exec.start({});
    stream.resume();
    await new Promise((resolve) => stream.once("end", resolve));
    return (await exec.inspect()).ExitCode === 0;
  }

  /** Addresses of a container, on all of its networks. */
  const addresses = async (stack: string, part: string) =>
    Object.values(await networksOf(stack, part)).map(({ IPAddress }) => IPAddress);

  const erp: [string, string] = [acme, `app-${acme}-erp`];

  it("come up on it, and are served at its gateway", async () => {
    const run = await made().fleet("up", "--stacks", stacks, "--parallel", "1", "--json");
    assert.equal(run.code, 0, run.output);
    for (const name of [`${acme}-erp`, `${globex}-crm`]) {
      const { status, text } = await page(name);
      assert.equal(status, 200, `${name}: ${text}`);
    }
  });

  it("have a network each for containers of their own, with the gateway and their server on it", async () => {
    const [own, theirs] = [`fleet-${platform}.${acme}`, `fleet-${platform}.${globex}`];
    assert.deepEqual(Object.keys(await networksOf(...erp)), [own]);
    assert.deepEqual(Object.keys(await networksOf(platform, "gateway")).sort(), [
      `fleet-${platform}`,
      own,
      theirs,
    ]);
    assert.deepEqual(Object.keys(await networksOf(platform, "postgres-main")).sort(), [
      `fleet-${platform}`,
      own,
    ]);
    assert.deepEqual(Object.keys(await networksOf(platform, "env-blue")), [`fleet-${platform}`]);
    // The platform's environment hosts an app whose database is on it.
    assert.deepEqual(Object.keys(await networksOf(globex, "postgres-own")).sort(), [
      `fleet-${platform}`,
      theirs,
    ]);
  });

  it("reach their own server, and neither another tenant's nor the platform's containers", async () => {
    assert.equal(await reaches(erp, "postgres-main", 5432), true, "its own server");
    for (const [name, to] of [
      [`fleet-${globex}-postgres-own`, 5432],
      ["env-blue", 13000],
      ["entry", 13000],
    ] as const) {
      assert.equal(await reaches(erp, name, to), false, `${name} by name`);
    }
    assert.equal(await reaches([platform, "gateway"], `app-${acme}-erp`, 13000), true, "from the gateway");
  });

  it("reach them by their addresses neither", async function () {
    if (!server.isolatesNetworks) skipBecause(this, "this daemon can't set rules of iptables");
    for (const [stack, part, to] of [
      [globex, "postgres-own", 5432],
      [platform, "env-blue", 13000],
      [platform, "entry", 13000],
    ] as const) {
      for (const address of await addresses(stack, part)) {
        assert.equal(await reaches(erp, address, to), false, `${part} at ${address}`);
      }
    }
  });

  it("are left alone where nothing changed", async () => {
    const run = await made().fleet("up", "--stacks", stacks, "--parallel", "1", "--json");
    assert.equal(run.code, 0, run.output);
    for (const { stack, changes } of report(run).stacks) assert.deepEqual(changes, {}, stack);
  });

  it("are reached again once the platform made its gateway and server anew, without an up of theirs", async () => {
    for (const part of ["gateway", "postgres-main"]) await container(platform, part).remove({ force: true });
    const run = await made().fleet("up", "--stacks", platform, "--json");
    assert.equal(run.code, 0, run.output);
    assert.equal(await reaches(erp, "postgres-main", 5432), true);
    const { status, text } = await page(`${acme}-erp`);
    assert.equal(status, 200, text);
  });

  it("have a peer put back that was taken off their network by hand, by an up of theirs", async () => {
    const network = server.docker.getNetwork(`fleet-${platform}.${acme}`);
    await network.disconnect({ Container: `fleet-${platform}-gateway` });
    const run = await made().fleet("up", "--stacks", acme, "--json");
    assert.equal(run.code, 0, run.output);
    assert.equal(await reaches([platform, "gateway"], `app-${acme}-erp`, 13000), true);
  });

  it("go one by one, their networks too", async () => {
    const run = await made().fleet("destroy", "--stacks", acme, "--json");
    assert.equal(run.code, 0, run.output);
    assert.equal((await page(`${acme}-erp`)).status, 404);
    assert.equal((await page(`${globex}-crm`)).status, 200);
    const down = await made().fleet("destroy", "--stacks", `${globex},${platform}`, "--json");
    assert.equal(down.code, 0, down.output);
    for (const stack of [acme, globex, platform]) {
      assert.deepEqual(await new DockerHarness(asStack(stack), server.docker).leftovers(), [], stack);
    }
  });
});
