/** The engine from Go modules: where nothing can be downloaded but what a Go module proxy serves. */
import * as fs from "node:fs";
import * as path from "node:path";
import { shortHash } from "../locations";
import { findOnPath, run, tail } from "../process";
import { withHeartbeat, type Progress } from "../progress";
import { ENGINE_PACKAGE, engineModuleDir, pinnedEngineVersion } from "../versions";
import { engineFile, verify } from "./version";

/** Folder of the built engine: its name changes with the pinned modules and the kind of machine. */
export function buildRoot(projectDir: string, cache: string): string {
  const module = engineModuleDir(projectDir);
  const hash = shortHash(...["go.mod", "go.sum"].map((name) => fs.readFileSync(path.join(module, name))));
  const machine = `${process.platform}-${process.arch}`;
  return path.join(cache, "engine", `${pinnedEngineVersion(projectDir)}-${machine}-${hash}`);
}

/** @returns why no engine can be built here; undefined where one can */
export async function buildFault(projectDir: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (!findOnPath("go", env.PATH)) return "Go is not installed (no `go` on PATH)";
  // Asked in the module's folder: there Go itself compares its version with go.mod, and gets a newer toolchain
  // where its settings allow that.
  const asked = await run("go", ["env", "GOVERSION"], {
    cwd: engineModuleDir(projectDir),
    env: goEnvironment(env),
    timeoutMs: 120_000,
  });
  if (asked.code === 0) return undefined;
  return `Go can't build it: ${tail(asked.stderr, 2) || `\`go env\` ended with code ${asked.code}`}`;
}

/** cgo off, as in Pulumi's own releases: no C compiler needed. A go.work around the project must not join in. */
function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...env, CGO_ENABLED: "0", GOWORK: "off" };
}

/**
 * Builds the engine into `root`; the caller holds the lock. Broken off, the next try goes on from Go's own caches.
 * @throws Error with the end of Go's output
 */
export async function buildEngine(
  projectDir: string,
  root: string,
  env: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<string> {
  const version = pinnedEngineVersion(projectDir);
  const part = progress.start(
    `Building the Pulumi engine ${version} from Go modules (once, about 4 minutes)`,
  );
  const count = { modules: 0, packages: 0 };
  const partial = `${root}.partial`;
  fs.rmSync(partial, { recursive: true, force: true });
  fs.mkdirSync(path.join(partial, "bin"), { recursive: true });
  const stamp = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`;
  const args = ["build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", `-s -w ${stamp}`];
  const begin = Date.now();
  const built = await withHeartbeat(
    part,
    (seconds) => `${count.modules} modules fetched, ${count.packages} packages compiled, ${seconds} s`,
    () =>
      run("go", [...args, "-o", engineFile(partial), ENGINE_PACKAGE], {
        cwd: engineModuleDir(projectDir),
        env: goEnvironment(env),
        onLine: (line) => {
          if (line.startsWith("go: downloading ")) count.modules += 1;
          else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) count.packages += 1;
        },
      }),
  );
  if (built.code !== 0) {
    part.failed(`\`go build\` ended with code ${built.code}`);
    throw new Error(
      `Building the Pulumi engine failed (\`go build\` in ${engineModuleDir(projectDir)}):\n${tail(built.stderr)}\n` +
        "Check that a Go module proxy can be reached (`go env GOPROXY`) and that the disk has 5 GB free, then run " +
        "the same command again: it goes on where this one stopped.",
    );
  }
  const found = await verify(partial, env);
  fs.rmSync(root, { recursive: true, force: true });
  fs.renameSync(partial, root);
  part.done(`built in ${Math.round((Date.now() - begin) / 1000)} s (${count.packages} packages compiled)`);
  return found;
}
