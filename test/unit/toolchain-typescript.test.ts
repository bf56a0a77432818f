/** Programs in TypeScript started by `toolchain/typescript.cjs`, in a small project of their own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PROJECT_DIR } from "../../toolchain/locations";

describe("toolchain: TypeScript", function () {
  this.timeout(60_000);
  let project: string;
  const write = (file: string, text: string) => {
    fs.mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    fs.writeFileSync(path.join(project, file), text);
  };
  const start = () => {
    const code = 'require("./toolchain/typescript.cjs"); require("./program/main.ts");';
    return spawnSync(process.execPath, ["-e", code], { cwd: project, encoding: "utf8" });
  };
  const removeCompiler = () => fs.rmSync(path.join(project, "node_modules", "esbuild"));

  beforeEach(() => {
    project = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "fleet-typescript-")));
    fs.mkdirSync(path.join(project, "toolchain"));
    fs.copyFileSync(
      path.join(PROJECT_DIR, "toolchain", "typescript.cjs"),
      path.join(project, "toolchain", "typescript.cjs"),
    );
    fs.mkdirSync(path.join(project, "node_modules"));
    const esbuild = path.join(PROJECT_DIR, "node_modules", "esbuild");
    fs.symlinkSync(esbuild, path.join(project, "node_modules", "esbuild"));
    write("program/main.ts", 'import { word } from "../words/word";\nconsole.log(word satisfies string);\n');
    write("words/word.ts", 'export const word: string = "one";\n');
  });
  afterEach(() => fs.rmSync(project, { recursive: true, force: true }));

  it("starts without the compiler what was started before", () => {
    assert.equal(start().stdout, "one\n");
    removeCompiler();
    const again = start();
    assert.equal(again.stdout, "one\n", again.stderr);
  });

  it("leaves no compiler running beside a program", () => {
    write(
      "program/main.ts",
      `import { readdirSync, readFileSync } from "node:fs";
       const tasks = readdirSync("/proc/self/task");
       console.log(tasks.map((task) => readFileSync(\`/proc/self/task/\${task}/children\`, "utf8")).join("").trim());`,
    );
    const run = start();
    assert.equal(run.stdout, "\n", run.stderr);
  });

  it("takes an edit of any source, and one that is gone", () => {
    start();
    write("words/word.ts", 'export const word: string = "another";\n');
    assert.equal(start().stdout, "another\n");
    fs.rmSync(path.join(project, "words", "word.ts"));
    const run = start();
    assert.equal(run.status, 1);
    assert.match(run.stderr, /program\/main\.ts:1:\d+: ERROR: Could not resolve "\.\.\/words\/word"/);
  });

  it("starts where nothing can be kept, and where what was kept was cut off", () => {
    write("node_modules/.cache", "no folder");
    assert.equal(start().stdout, "one\n");
    fs.rmSync(path.join(project, "node_modules", ".cache"));
    start();
    const folder = path.join(project, "node_modules", ".cache", "nocobase-fleet");
    const kept = fs.readdirSync(folder);
    assert.equal(kept.length, 1, kept.join(" "));
    for (const size of [0, 30]) {
      fs.truncateSync(path.join(folder, kept[0]!), size);
      assert.equal(start().stdout, "one\n");
    }
  });

  it("names files and lines as they were written when something fails", () => {
    write(
      "words/word.ts",
      'type Nothing = never;\nexport const word: string = (() => { throw new Error("oh"); })();\n',
    );
    for (const run of [start(), start()]) assert.match(run.stderr, /words\/word\.ts:2:\d+/);
  });
});
