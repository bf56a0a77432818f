/** Programs of the test cluster (test/tools/kubernetes), built once by Go and kept in the project's cache. */
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

/** Commands of the module: the control plane, a node, and the first process of pods. */
const COMMANDS = {
  kubernetes: { source: ".", label: "Building Kubernetes for tests (once)" },
  node: { source: "node", label: "Building a node of Kubernetes for tests (once)" },
  pause: { source: "pause", label: "Building pause for tests (once)" },
} as const;

/**
 * Path of a program; the first call on a machine compiles it (the control plane about 6 minutes on two cores, the
 * node after that less than one).
 * @throws NoKubernetes where Go is missing, Error with the end of Go's output where the build fails
 */
export async function kubernetesProgram(command: keyof typeof COMMANDS = "kubernetes"): Promise<string> {
  const { source } = COMMANDS[command];
  const names = ["go.mod", "go.sum", join(source, "main.go")];
  const sources = names.map((name) => readFileSync(join(MODULE, name)));
  const folder = join(cacheRoot(process.env), "test-kubernetes");
  const file = join(folder, shortHash(...sources, process.platform, process.arch), command);
  if (await exists(file)) return file;
  if (!findOnPath("go", process.env.PATH)) {
    throw new NoKubernetes("the test cluster is built by Go, and there is no `go` on PATH");
  }
  return await withLock(join(folder, "build.lock"), async () => {
    if (!(await exists(file))) await build(command, file);
    return file;
  });
}

async function build(command: keyof typeof COMMANDS, file: string): Promise<void> {
  const { source, label } = COMMANDS[command];
  const part = lineProgress((line) => console.log(line)).start(label);
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
    `./${source}`,
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
