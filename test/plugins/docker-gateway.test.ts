/** The gateway's two containers before real ones that answer: HTTPS, replicas, and routes that change while it runs. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { ContainerCreateOptions } from "dockerode";
import type { GatewayPlan, RoutePlan, TlsPlan } from "../../plan/types";
import { dockerRoutes } from "../../platforms/docker/gateway";
import { buildImages, type BuiltImage } from "../../platforms/docker/images/build";
import { GATEWAY, dockerName, routerName } from "../../platforms/docker/names";
import { PROXY_PORT, proxyConfiguration, PROXY_TLS_PORT, ROUTER_PORT } from "../../platforms/docker/proxy";
import { GATEWAY_FOLDER } from "../../providers/docker/gateway/folder";
import { gatewayConfig } from "../../providers/docker/handlers/gateway-config";
import { STACK_LABEL } from "../../providers/docker/labels";
import type { Context, Props } from "../../providers/kit/types";
import type { TestDocker } from "../support/dockerd";
import { ensureMmdebstrap } from "../support/mmdebstrap";
import { freePort } from "../support/ports";
import { skipBecause } from "../support/skip";
import { eventually } from "../e2e/support/fleet";
import { startDocker } from "./support/docker-stack";

const STACK = `gw${process.pid}`;
const OWNER = `nocobase-fleet/${STACK}`;
/** Answers with its name and what the gateway told it; echoes on a WebSocket's connection. */
const UPSTREAM = `
const http = require("node:http");
let healthy = true;
const server = http.createServer((request, response) => {
  if (request.url === "/turn-ill") healthy = false;
  const ill = request.url === "/api/__health_check" && !healthy;
  response.writeHead(ill ? 503 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify({ name: process.env.NAME, path: request.url, headers: request.headers }));
});
server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n");
  socket.on("data", (data) => socket.write(data));
  socket.on("error", () => undefined);
});
server.listen(13000);
process.on("SIGTERM", () => process.exit(0));
`;

const route = (key: string, more: Partial<RoutePlan> = {}): RoutePlan => ({
  key,
  kind: key === "entry" ? "entry" : "app",
  title: key.toUpperCase(),
  ...(key === "entry" ? {} : { isolation: "dedicated" }),
  hosts: [key === "entry" ? "fleet.test" : `${key}.fleet.test`],
  instance: key,
  instanceName: key === "entry" ? "entry" : `app-${key}`,
  state: "running",
  ...more,
});

describe("gateway in Docker", function () {
  this.timeout(600_000);
  let server: TestDocker;
  let images: BuiltImage[];
  let plan: GatewayPlan;
  let olds: Props;
  const undone: (() => Promise<unknown>)[] = [];

  const imageOf = (name: string) => images.find((image) => image.name === name)?.id ?? "";
  const context: Context = {
    urn: `urn:pulumi:${STACK}::nocobase-fleet::nocobase-docker:index:GatewayConfig::gateway`,
    name: "gateway",
    config: {},
    signal: new AbortController().signal,
    status: () => undefined,
    info: () => undefined,
    warn: () => undefined,
  };
  const addressesOf = (name: string) =>
    (name === "app-erp" ? ["app-erp", "2.app-erp"] : [name]).map((each) => `http://${each}:13000`);
  const volume = dockerName(STACK, "gateway-config");
  const inputs = (routes: RoutePlan[]): Props => ({
    volume,
    image: imageOf("node"),
    container: routerName(STACK),
    address: { host: plan.host, port: plan.port },
    table: {
      host: "0.0.0.0",
      port: ROUTER_PORT,
      domain: plan.domain,
      uploadLimitMiB: 1,
      behindProxy: true,
      routes: dockerRoutes(routes, addressesOf),
    },
    proxy: proxyConfiguration(plan),
    program: "test",
  });

  async function run(name: string, image: string, options: ContainerCreateOptions): Promise<void> {
    const { HostConfig, ...more } = options;
    const made = await server.docker.createContainer({
      name: dockerName(STACK, name),
      Image: imageOf(image),
      User: "1000:1000",
      HostConfig: {
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        NetworkMode: STACK,
        Tmpfs: { "/tmp": "", "/data": "uid=1000" },
        Init: true,
        ...HostConfig,
      },
      NetworkingConfig: { EndpointsConfig: { [STACK]: { Aliases: [name] } } },
      ...more,
    });
    undone.push(() => made.remove({ force: true, v: true }));
    await made.start();
  }

  before(async function () {
    server = await startDocker(this);
    undone.push(() => server.stop());
    const missing = await ensureMmdebstrap();
    if (missing !== undefined) skipBecause(this, missing);
    const before = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = server.host;
    undone.push(() => {
      if (before === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = before;
      return Promise.resolve();
    });
    images = await buildImages({ docker: server.docker, release: "2.2.15", only: ["proxy", "node"] });
    const [port, tlsPort] = [await freePort(), await freePort()];
    const tls: TlsPlan = { port: tlsPort, issuer: "internal" };
    plan = { host: "127.0.0.1", port, domain: "fleet.test", url: "", uploadLimitMiB: 1, tls, routes: [] };
    const network = await server.docker.createNetwork({ Name: STACK });
    undone.push(() => network.remove());
    await server.docker.createVolume({ Name: volume, Labels: { [STACK_LABEL]: OWNER } });
    undone.push(() => server.docker.getVolume(volume).remove());
    for (const name of ["entry", "app-erp", "2.app-erp"]) {
      await run(name, "node", { Cmd: ["-e", UPSTREAM], Env: [`NAME=${name}`] });
    }
    const routes = [route("entry"), route("erp", { hosts: ["erp.fleet.test", "erp.example.com"] })];
    olds = (await gatewayConfig.create(inputs(routes), context)).outputs;
    const mount = (readOnly: boolean) => [
      { Type: "volume" as const, Source: volume, Target: GATEWAY_FOLDER, ReadOnly: readOnly },
    ];
    await run(GATEWAY.router, "node", {
      Cmd: [`${GATEWAY_FOLDER}/gateway.cjs`, `${GATEWAY_FOLDER}/routes.json`, `${GATEWAY_FOLDER}/tenants`],
      HostConfig: { Mounts: mount(false) },
    });
    const published = (internal: number, external: number) => ({
      [`${internal}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: String(external) }],
    });
    await run(GATEWAY.proxy, "proxy", {
      Cmd: ["run", "--config", `${GATEWAY_FOLDER}/Caddyfile`, "--adapter", "caddyfile"],
      ExposedPorts: { [`${PROXY_PORT}/tcp`]: {}, [`${PROXY_TLS_PORT}/tcp`]: {} },
      HostConfig: {
        Mounts: mount(true),
        PortBindings: { ...published(PROXY_PORT, port), ...published(PROXY_TLS_PORT, tlsPort) },
      },
    });
    await eventually("the gateway answers", 30, async () => (await ask("fleet.test")).status === 200);
  });

  after(async () => {
    for (const undo of undone.reverse()) await undo();
  });

  interface Answer {
    status: number;
    headers: http.IncomingHttpHeaders;
    text: string;
  }

  /** By HTTPS with the host's name, whose certificate's names are told. */
  function ask(
    host: string,
    path = "/",
    headers: Record<string, string> = {},
  ): Promise<Answer & { names: string }> {
    return new Promise((resolve, reject) => {
      const port = plan.tls?.port;
      const request = https.get(
        {
          host: "127.0.0.1",
          port,
          path,
          servername: host,
          rejectUnauthorized: false,
          agent: false,
          headers: { host: `${host}:${port}`, ...headers },
        },
        (response) => {
          const names =
            (response.socket as unknown as import("node:tls").TLSSocket).getPeerCertificate()
              .subjectaltname ?? "";
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text, names }),
          );
        },
      );
      request.on("error", reject);
    });
  }

  function askPlain(host: string, path = "/"): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = http.get(
        { host: "127.0.0.1", port: plan.port, path, agent: false, headers: { host: `${host}:${plan.port}` } },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
        },
      );
      request.on("error", reject);
    });
  }

  it("has a certificate for each host of the fleet, custom domains included", async () => {
    for (const host of ["fleet.test", "erp.fleet.test", "erp.example.com"]) {
      const { status, names } = await ask(host);
      assert.deepEqual([status, names], [200, `DNS:${host}`]);
    }
  });

  it("gets none for another's name", async () => {
    await assert.rejects(ask("other.example.com"), /alert|SSL|TLS|ECONNRESET/i);
  });

  it("leads plain HTTP to HTTPS", async () => {
    const { status, headers } = await askPlain("erp.fleet.test", "/admin?x=1");
    assert.equal(status, 308);
    assert.match(headers.location ?? "", /^https:\/\/erp\.fleet\.test.*\/admin\?x=1$/);
  });

  it("tells the app what the client said to the proxy, and nothing that the client made up", async () => {
    const { text } = await ask("erp.fleet.test", "/", { "x-forwarded-proto": "http", "x-app": "erp" });
    const { headers } = JSON.parse(text) as { headers: Record<string, string> };
    assert.equal(headers["x-forwarded-proto"], "https");
    assert.equal(headers["x-app"], "main");
    assert.match(headers["x-forwarded-for"] ?? "", /^[\d.]+$/);
  });

  const answering = async () => {
    const names = new Set<string>();
    for (let count = 0; count < 8; count++) {
      names.add((JSON.parse((await ask("erp.fleet.test")).text) as { name: string }).name);
    }
    return [...names].sort();
  };

  it("balances over replicas, and leaves out one that says it is ill", async () => {
    assert.deepEqual(await answering(), ["2.app-erp", "app-erp"]);
    const { text } = await ask("erp.fleet.test", "/turn-ill");
    const { name: ill } = JSON.parse(text) as { name: string };
    const [well] = ["app-erp", "2.app-erp"].filter((name) => name !== ill);
    await eventually("the ill one is left out", 5, async () => (await answering()).join() === well);
  });

  it("takes new routes over without ending a WebSocket, and answers itself for a stopped app", async () => {
    const port = plan.tls?.port;
    const request = https.request({
      ...{ host: "127.0.0.1", port, path: "/ws", servername: "fleet.test", rejectUnauthorized: false },
      headers: { host: `fleet.test:${port}`, connection: "Upgrade", upgrade: "websocket" },
    });
    request.end();
    const [, socket] = (await once(request, "upgrade")) as [unknown, import("node:net").Socket];
    const echo = async (text: string) => {
      socket.write(text);
      const [data] = (await once(socket, "data")) as [Buffer];
      return data.toString();
    };
    assert.equal(await echo("before"), "before");

    const changed = [
      route("entry"),
      route("erp", { state: "stopped" }),
      route("new", { instanceName: "entry" }),
    ];
    olds = await gatewayConfig.update!("gateway", olds, inputs(changed), context);
    assert.equal((await ask("erp.fleet.test")).status, 503);
    assert.equal((await ask("new.fleet.test")).status, 200);
    assert.equal((await ask("erp.example.com")).status, 404, "its domain has gone");
    assert.equal(await echo("after"), "after");
    socket.destroy();
  });

  it("refuses a volume that isn't the stack's, naming it", async () => {
    const foreign = { ...context, urn: context.urn.replace(STACK, "other") };
    await assert.rejects(
      gatewayConfig.create(inputs([route("entry")]), foreign),
      new RegExp(`volume ${volume} .* belongs to ${OWNER}`),
    );
  });
});
