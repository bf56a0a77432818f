import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { putComment } from "../../ci/comment";
import { deploymentsSince } from "../../ci/deployments";
import { putIssue } from "../../ci/drift";
import type { GitHub } from "../../ci/github";
import { MARKER } from "../../cli/preview/markdown";
import { skipBecause } from "../support/skip";

const project = resolve(__dirname, "../..");
const workflows = join(project, ".github/workflows");

describe("the workflows", function () {
  this.timeout(10 * 60_000);
  const linter = join(project, "test/tools/actionlint");
  const lint = (...files: string[]) =>
    spawnSync("go", ["tool", "actionlint", "-no-color", ...files], { cwd: linter, encoding: "utf8" });

  before(function () {
    if (spawnSync("go", ["version"]).status !== 0) skipBecause(this, "the linter, actionlint, is run by Go");
  });

  it("pass actionlint", () => {
    const files = readdirSync(workflows).map((file) => join(workflows, file));
    assert.ok(files.length >= 4);
    const { status, stdout, stderr } = lint(...files);
    assert.equal(status, 0, stdout + stderr);
  });

  it("would not pass it with a fault", () => {
    const folder = mkdtempSync(join(tmpdir(), "workflow-"));
    const file = join(folder, "preview.yml");
    const text = readFileSync(join(workflows, "preview.yml"), "utf8");
    writeFileSync(file, text.replace("github.base_ref", "github.bass_ref"));
    const { status, stdout } = lint(file);
    rmSync(folder, { recursive: true });
    assert.equal(status, 1, stdout);
    assert.match(stdout, /bass_ref/);
  });
});

describe("what the workflows run", () => {
  it("is an npm script of this project", () => {
    const { scripts } = JSON.parse(readFileSync(join(project, "package.json"), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const file of ["preview.yml", "deploy.yml", "drift.yml"]) {
      const used = [
        ...readFileSync(join(workflows, file), "utf8").matchAll(/npm run (?:--silent )?([\w:]+)/g),
      ];
      assert.ok(used.length > 0, file);
      for (const [, script = ""] of used) assert.ok(scripts[script], `${file}: npm run ${script}`);
    }
  });

  it("puts no text of a pull request into a shell, and gives forks no secrets", () => {
    for (const file of readdirSync(workflows)) {
      const text = readFileSync(join(workflows, file), "utf8");
      assert.doesNotMatch(text, /pull_request_target/, file);
      for (const [line] of text.matchAll(/run:[^\n]*/g))
        assert.doesNotMatch(line, /\$\{\{/, `${file}: ${line}`);
    }
    const preview = readFileSync(join(workflows, "preview.yml"), "utf8");
    assert.match(preview, /if: github\.event\.pull_request\.head\.repo\.full_name == github\.repository/);
  });
});

describe("deployments", function () {
  this.timeout(60_000);
  let folder: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
      cwd: folder,
      encoding: "utf8",
    }).trim();
  const write = (stack: string, text: string) => writeFileSync(join(folder, `Pulumi.${stack}.yaml`), text);
  const tenant = (platform: string) => `config:\n  nocobase-fleet:platformStack: ${platform}\n`;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "deployments-"));
    git("init", "--quiet", "--initial-branch", "main");
    writeFileSync(join(folder, "Pulumi.yaml"), "name: nocobase-fleet\nruntime: nodejs\n");
    for (const platform of ["eu", "us"]) write(platform, "config: {}\n");
    write("acme", tenant("eu"));
    write("globex", tenant("us"));
    git("add", ".");
    git("commit", "--quiet", "--message", "first");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("are one for each platform, with its tenants after it", async () => {
    const all = [
      { platform: "eu", stacks: "eu,acme" },
      { platform: "us", stacks: "us,globex" },
    ];
    assert.deepEqual(await deploymentsSince(folder, undefined), all);
    assert.equal((await deploymentsSince(folder, "0".repeat(40))).length, 2);
  });

  it("are of what a push changed", async () => {
    const before = git("rev-parse", "HEAD");
    write("acme", `${tenant("eu")}  nocobase-fleet:deletion: backup\n`);
    git("commit", "--quiet", "--all", "--message", "edit");
    assert.deepEqual(await deploymentsSince(folder, before), [{ platform: "eu", stacks: "acme" }]);
    assert.deepEqual(await deploymentsSince(folder, "HEAD"), []);
  });
});

/** As much of GitHub's API as the scripts use, with its own rules: pages, comments by users and bots, issues by label. */
class TestGitHub {
  readonly comments: { id: number; body: string; user: { type: string } }[] = [];
  readonly issues: { number: number; body: string; state: string; labels: string[] }[] = [];
  private server?: Server;

  async start(): Promise<GitHub> {
    this.server = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        const answer = this.answer(
          `${request.method ?? ""} ${request.url ?? ""}`,
          request.headers.authorization,
          (text === "" ? {} : JSON.parse(text)) as Record<string, string>,
        );
        response.writeHead(answer === undefined ? 403 : 200).end(JSON.stringify(answer ?? { message: "no" }));
      });
    }).listen(0, "127.0.0.1");
    await once(this.server, "listening");
    const { port } = this.server.address() as AddressInfo;
    return { repository: "org/fleet", token: "token-1", api: `http://127.0.0.1:${port}` };
  }

  stop(): void {
    this.server?.close();
  }

  private answer(request: string, authorization: string | undefined, body: Record<string, string>): unknown {
    if (authorization !== "Bearer token-1") return undefined;
    const page = Number(/[?&]page=(\d+)/.exec(request)?.[1] ?? 1);
    const paged = <Item>(items: Item[]) => items.slice((page - 1) * 100, page * 100);
    if (/^GET \/repos\/org\/fleet\/issues\/7\/comments/.test(request)) return paged(this.comments);
    if (/^POST \/repos\/org\/fleet\/issues\/7\/comments/.test(request)) {
      if ((body.body ?? "").length > 65_536) return undefined;
      const made = { id: this.comments.length + 1, body: body.body ?? "", user: { type: "Bot" } };
      this.comments.push(made);
      return made;
    }
    const comment = /^PATCH \/repos\/org\/fleet\/issues\/comments\/(\d+)/.exec(request)?.[1];
    if (comment) return Object.assign(this.comments[Number(comment) - 1] ?? {}, body);
    if (/^GET \/repos\/org\/fleet\/issues\?state=open&labels=fleet-drift/.test(request)) {
      return paged(
        this.issues.filter(({ state, labels }) => state === "open" && labels.includes("fleet-drift")),
      );
    }
    if (request === "POST /repos/org/fleet/issues") {
      const made = { number: this.issues.length + 1, body: "", labels: [], state: "open", ...body };
      this.issues.push(made);
      return made;
    }
    const issue = /^PATCH \/repos\/org\/fleet\/issues\/(\d+)$/.exec(request)?.[1];
    if (issue) return Object.assign(this.issues[Number(issue) - 1] ?? {}, body);
    return /^POST \/repos\/org\/fleet\/issues\/\d+\/comments$/.test(request) ? {} : undefined;
  }
}

describe("what the workflows say on GitHub", () => {
  let server: TestGitHub;
  let gitHub: GitHub;

  beforeEach(async () => {
    server = new TestGitHub();
    gitHub = await server.start();
  });

  afterEach(() => server.stop());

  it("is one comment, updated in place, whoever quotes it and however many there are", async () => {
    const quoted = `${MARKER}\nlook at this`;
    for (let id = 1; id <= 130; id++) server.comments.push({ id, body: quoted, user: { type: "User" } });
    const id = await putComment(gitHub, 7, `${MARKER}\nfirst\n`);
    assert.equal(id, 131);
    assert.equal(await putComment(gitHub, 7, `${MARKER}\nsecond\n`), 131);
    assert.equal(server.comments.length, 131);
    assert.equal(server.comments[130]?.body, `${MARKER}\nsecond\n`);
    assert.ok(server.comments.slice(0, 130).every(({ body }) => body === quoted));
    await assert.rejects(putComment(gitHub, 7, "no preview"), /is not the marker/);
  });

  it("is one issue for drift, kept up to date and closed with it", async () => {
    assert.equal(await putIssue(gitHub, { page: "a", differs: false }), "nothing");
    assert.equal(await putIssue(gitHub, { page: "a", differs: true }), "opened");
    assert.equal(await putIssue(gitHub, { page: "b", differs: true }), "updated");
    assert.deepEqual(
      server.issues.map(({ body, state }) => [body, state]),
      [["b", "open"]],
    );
    assert.equal(await putIssue(gitHub, { page: "", differs: false }), "closed");
    assert.equal(await putIssue(gitHub, { page: "c", differs: true }), "opened");
    assert.deepEqual(
      server.issues.map(({ state }) => state),
      ["closed", "open"],
    );
  });

  it("says what GitHub refused, without the token", async () => {
    await assert.rejects(putComment({ ...gitHub, token: "wrong" }, 7, MARKER), (error: Error) => {
      assert.match(error.message, /GitHub answers 403 to GET \/issues\/7\/comments/);
      assert.doesNotMatch(error.message, /wrong/);
      return true;
    });
  });
});
