/** The test cluster's program (test/tools/kubernetes), built once by Go and kept in the project's cache. */
import { readFileSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PROJECT_DIR, cacheRoot, shortHash } from "../../toolchain/locations";
import { withLock } from "../../toolchain/lock";
import { findOnPath, run, tail } from "../../toolchain/process";
import { lineProgress, withHeartbeat } from "../../toolchain/progress";

const MODULE = join(PROJECT_DIR, "test", "tools", "kubernetes");
const BUILD_LIMIT_MS = 20 * 60_000;
/** How often a build says that it lives: CI ends jobs that keep quiet. */
const HEARTBEAT_MS = 60_000;

/** No test cluster can be had on this machine; the message says why. */
export class NoKubernetes extends Error {}

/**
 * Path of the program; the first call on a machine compiles it (about 6 minutes on two cores).
 * @throws NoKubernetes where Go is missing, Error with the end of Go's output where the build fails
 */
export async function kubernetesProgram(): Promise<string> {
  const sources = ["go.mod", "go.sum", "main.go"].map((name) => readFileSync(join(MODULE, name)));
  const folder = join(cacheRoot(process.env), "test-kubernetes");
  const file = join(folder, shortHash(...sources, process.platform, process.arch), "kubernetes");
  if (await exists(file)) return file;
  if (!findOnPath("go", process.env.PATH)) {
    throw new NoKubernetes("the test cluster is built by Go, and there is no `go` on PATH");
  }
  return await withLock(join(folder, "build.lock"), async () => {
    if (!(await exists(file))) await build(file);
    return file;
  });
}

async function build(file: string): Promise<void> {
  const part = lineProgress((line) => console.log(line)).start("Building Kubernetes for tests (once)");
  const aside = `${file}.partial`;
  await mkdir(dirname(file), { recursive: true });
  const version = pinned("k8s.io/kubernetes");
  const [major, minor] = version.slice(1).split(".");
  const component = "k8s.io/component-base/version";
  const variables = [
    `${component}.gitVersion=${version}`,
    `${component}.gitMajor=${major ?? ""}`,
    `${component}.gitMinor=${minor ?? ""}`,
    `${component}.gitTreeState=clean`,
    `sigs.k8s.io/kwok/pkg/consts.Version=${pinned("sigs.k8s.io/kwok")}`,
  ];
  const flags = `-s -w ${variables.map((variable) => `-X ${variable}`).join(" ")}`;
  const args = [
    "build",
    "-mod=readonly",
    "-trimpath",
    "-buildvcs=false",
    "-ldflags",
    flags,
    "-o",
    aside,
    ".",
  ];
  const begin = Date.now();
  const built = await withHeartbeat(
    part,
    (seconds) => `${seconds} s`,
    () =>
      run("go", args, {
        cwd: MODULE,
        env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
        timeoutMs: BUILD_LIMIT_MS,
      }),
    HEARTBEAT_MS,
  );
  if (built.code !== 0) {
    await rm(dirname(file), { recursive: true, force: true });
    throw new Error(`\`go build\` in ${MODULE} failed:\n${tail(built.stderr)}`);
  }
  await rename(aside, file);
  part.done(`built in ${Math.round((Date.now() - begin) / 1000)} s`);
}

/** Version that go.mod requires, with its `v`. */
function pinned(module: string): string {
  const text = readFileSync(join(MODULE, "go.mod"), "utf8");
  const line = text.split("\n").find((candidate) => candidate.trim().startsWith(`${module} v`));
  const version = line?.trim().split(" ")[1];
  if (!version) throw new Error(`${MODULE}/go.mod does not require ${module}`);
  return version;
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}
