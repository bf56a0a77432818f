/** What several stacks say and leave behind while they are previewed and brought up holds none of their secrets. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { MOST_BYTES } from "../../cli/preview/markdown";
import { descendants } from "../../bench/support/processes";
import { platformValues, tenantValues } from "../../bench/instant/tenants";
import { putComment } from "../../ci/comment";
import { commandOf } from "../../providers/local/support/processes";
import { backendEnvironment } from "../../toolchain/backend";
import { ensureToolchain } from "../../toolchain/ensure";
import { run } from "../../toolchain/process";
import { InstantProject, type Ended } from "./support/instant-project";

/** Passwords and keys; names and addresses stand in the same secret objects, and are shorter or have other characters. */
const SECRET = /^[\w-]{20,}$/;
const SAMPLE_MS = 20;

describe("secrets of tenants", function () {
  this.timeout(10 * 60_000);
  let project: InstantProject;
  /** By a name for the message: all that was said, and the command lines of all processes meanwhile. */
  const said = new Map<string, string>();
  const stacks = ["platform", "acme", "globex"];
  const edited = (environment: string) => ({
    ...{ ...tenantValues, apps: { ...tenantValues.apps, crm: { environment } } },
  });

  async function fleet(...args: string[]): Promise<Ended> {
    const commands = new Set<string>();
    let timer: NodeJS.Timeout | undefined;
    const done = await project.fleet(args, {}, (pid) => {
      timer = setInterval(() => {
        for (const each of descendants(pid)) commands.add(commandOf(each) ?? "");
      }, SAMPLE_MS);
    });
    clearInterval(timer);
    said.set(`fleet ${args.join(" ")}`, done.stdout + done.stderr);
    said.set(`processes of fleet ${args.join(" ")}`, [...commands].join("\n"));
    assert.ok(commands.size > 3, "no processes were seen");
    return done;
  }

  before(async () => {
    project = await InstantProject.create();
    project.write("platform", platformValues);
    for (const stack of ["acme", "globex"]) project.write(stack, tenantValues);
    const up = await fleet("up", "--all");
    assert.equal(up.code, 0, up.stdout + up.stderr);
    // Everything that can change at once: a move, a removal, a new password, a new platform.
    project.write("acme", { ...edited("green"), rootEmail: "new@example.com" });
    project.write("globex", {
      ...tenantValues,
      apps: { crm: { environment: "blue", passwordGeneration: 2 } },
    });
    project.write("platform", { ...platformValues, rootEmail: "other@example.com" });
    await fleet("preview", "--all", "--json", "--markdown", join(project.folder, "page.md"));
    await fleet("preview", "--stack", "acme", "--diff");
    await fleet("up", "--all", "--json");
  });

  after(() => project.remove());

  async function secrets(): Promise<string[]> {
    const { engine, env } = await ensureToolchain();
    const found = new Set<string>();
    const collect = (value: unknown): void => {
      if (typeof value === "string" && SECRET.test(value)) found.add(value);
      else if (typeof value === "object" && value !== null) Object.values(value).forEach(collect);
    };
    for (const stack of stacks) {
      const args = ["stack", "export", "--show-secrets", "--stack", stack, "--non-interactive"];
      const { code, stdout, stderr } = await run(engine.path, args, {
        cwd: project.folder,
        env: { ...process.env, ...env, ...backendEnvironment(project.folder, process.env) },
        timeoutMs: 60_000,
      });
      assert.equal(code, 0, stderr);
      for (const [, text = ""] of stdout.matchAll(/"plaintext": ("(?:[^"\\]|\\.)*")/g)) {
        const plain = JSON.parse(text) as string;
        collect(JSON.parse(plain));
      }
    }
    return [...found];
  }

  it("are in no output, page, comment or process's arguments, nor plain in a state or a file for others", async () => {
    const known = await secrets();
    assert.ok(known.length >= 15, `only ${known.length} secrets were found`);
    const page = readFileSync(join(project.folder, "page.md"), "utf8");
    assert.ok(page.length > 500 && Buffer.byteLength(page) <= MOST_BYTES);
    said.set("the page", page);
    said.set("the comment", await commentOf(page));
    for (const stack of stacks) said.set(`state of ${stack}`, project.state(stack) ?? "");
    for (const file of filesBelow(project.folder)) {
      if (!/node_modules|[/]providers[/]/.test(file)) said.set(file, readFileSync(file, "latin1"));
    }
    for (const [where, text] of said) {
      for (const secret of known) {
        const shown = `${where} holds a secret: …${text.slice(Math.max(0, text.indexOf(secret) - 80), text.indexOf(secret))}`;
        assert.ok(!text.includes(secret), shown);
      }
    }
  });
});

/** What GitHub is sent. */
async function commentOf(page: string): Promise<string> {
  const bodies: string[] = [];
  const real = globalThis.fetch;
  globalThis.fetch = (_input, init) => {
    if (typeof init?.body === "string") bodies.push(init.body);
    return Promise.resolve(new Response(init?.method === "POST" ? '{"id":1}' : "[]", { status: 200 }));
  };
  try {
    await putComment({ repository: "a/b", token: "t", api: "http://127.0.0.1:9" }, 1, page);
  } finally {
    globalThis.fetch = real;
  }
  assert.equal(bodies.length, 1);
  return bodies.join("");
}

/** Files that others than their owner can read, the folders above included. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(file);
    return entry.isFile() && (statSync(file).mode & 0o044) !== 0 ? [file] : [];
  });
}
