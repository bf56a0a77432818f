/** Looks at and steers a fleet's containers through the Docker daemon. */
import type { ContainerInspectInfo } from "dockerode";
import type { StackPlan } from "../../plan/types";
import { copyLog } from "../../providers/docker/logs";
import { bringUp } from "../../providers/docker/running";
import {
  KIND_LABEL,
  PART_LABEL,
  REPLICA_LABEL,
  STACK_LABEL,
  type PartKind,
} from "../../providers/docker/labels";
import { daemonOf, explained, found, type Daemon } from "../../toolchain/plugins/docker/daemon";
import { PROJECT } from "../../toolchain/project";
import type { Drift, LivePart, LiveState, LogOptions, Operations } from "../operations";
import { memoryMiB } from "./memory";
import { GATEWAY } from "./names";

const CONTAINER = "docker:index/container:Container";
const START_LIMIT_MS = 180_000;
/** Servers first, the gateway last. */
const ORDER: Readonly<Record<PartKind, number>> = { server: 0, instance: 1, gateway: 2 };
/** A gateway's two containers are one part. */
const PART_OF: Readonly<Record<string, string>> = { [GATEWAY.proxy]: GATEWAY.router };

interface Live {
  part: string;
  kind: PartKind;
  replica: number;
  info: ContainerInspectInfo;
}

/** {@link Operations} on the containers of a stack. */
export class DockerOperations implements Operations {
  private readonly daemon: Daemon = daemonOf({});

  /** @param plan where it is known, names what is missing */
  constructor(
    private readonly stack: string,
    private readonly plan?: StackPlan,
  ) {}

  async parts(): Promise<LivePart[]> {
    const live = await this.containers();
    const names = [...new Set(live.map(({ part }) => part))];
    const parts = await Promise.all(
      names.map((name) =>
        this.livePart(
          name,
          live.filter(({ part }) => part === name),
        ),
      ),
    );
    return [...parts, ...this.stoppedParts(names)].sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
  }

  async drift(resources: readonly { urn: string; type: string; id?: string }[]): Promise<Drift> {
    const containers = resources.filter(({ type }) => type === CONTAINER);
    if (containers.length === 0) return { lost: [], stopped: [] };
    const listed = await explained("look for the fleet's containers", this.daemon, () =>
      this.daemon.docker.listContainers({ all: true }),
    );
    const ids = new Set(listed.map(({ Id }) => Id));
    const lost = containers.filter(({ id }) => id !== undefined && !ids.has(id)).map(({ urn }) => urn);
    const held = (await this.containers()).filter(({ info }) => stateOf(info) === "held");
    return { lost, stopped: [...new Set(held.map(({ part }) => part))] };
  }

  async start(names: readonly string[], say: (line: string) => void): Promise<void> {
    for (const step of inSteps(await this.containers(names))) {
      await Promise.all(
        step.map(async ({ info }) => {
          await bringUp(this.daemon, [info.Id], { timeoutMs: START_LIMIT_MS });
          say(`started ${info.Name.slice(1)}`);
        }),
      );
    }
  }

  async stop(names: readonly string[], say: (line: string) => void): Promise<void> {
    for (const step of inSteps(await this.containers(names)).reverse()) {
      await Promise.all(
        step.map(async ({ info }) => {
          // Docker leaves a container that was stopped stopped, after a restart of the machine too.
          await this.daemon.docker.getContainer(info.Id).stop().catch(unlessStopped);
          say(`stopped ${info.Name.slice(1)}`);
        }),
      );
    }
  }

  async logs(name: string, options: LogOptions): Promise<void> {
    const containers = await this.containers([name]);
    const shown = containers.filter(
      ({ replica }) => options.replica === undefined || replica === options.replica,
    );
    await Promise.all(
      shown.map(({ info }) => {
        const prefix = shown.length > 1 ? `${info.Name.slice(1)} | ` : "";
        return copyLog(
          this.daemon.docker.getContainer(info.Id),
          options.lines,
          (line) => options.write(`${prefix}${line}\n`),
          options.follow ? options.signal : undefined,
        );
      }),
    );
  }

  /** In order of part and replica; all where no names are given. */
  private async containers(names: readonly string[] = []): Promise<Live[]> {
    const { docker } = this.daemon;
    const filters = { label: [`${STACK_LABEL}=${PROJECT}/${this.stack}`, KIND_LABEL] };
    const listed = await explained("look for the fleet's containers", this.daemon, () =>
      docker.listContainers({ all: true, filters }),
    );
    const inspected = await Promise.all(
      listed.map(({ Id }) => found(() => docker.getContainer(Id).inspect())),
    );
    return inspected
      .flatMap((info) => (info ? [liveOf(info)] : []))
      .filter(({ part }) => names.length === 0 || names.includes(part))
      .sort((a, b) => a.part.localeCompare(b.part) || a.replica - b.replica);
  }

  private async livePart(name: string, containers: readonly Live[]): Promise<LivePart> {
    const [first] = containers;
    const states = containers.map(({ info }) => stateOf(info));
    const odd = containers.find(({ info }) => stateOf(info) !== "running") ?? first;
    const kind = first?.kind ?? "instance";
    const memory = await Promise.all(
      containers
        .filter(({ info }) => info.State.Running)
        .map(({ info }) => memoryMiB(this.daemon.docker.getContainer(info.Id))),
    );
    const restarted = containers.find(({ info }) => info.RestartCount > 0)?.info.State;
    return {
      name,
      kind,
      state: odd ? stateOf(odd.info) : "missing",
      ...(kind === "instance"
        ? {
            replicas: {
              ready: states.filter((state) => state === "running").length,
              wanted: containers.length,
            },
          }
        : {}),
      pid: first?.info.State.Pid || undefined,
      restarts: containers.reduce((sum, { info }) => sum + info.RestartCount, 0),
      lastExit: restarted?.OOMKilled ? "killed for its memory limit" : undefined,
      memoryMiB: memory.length > 0 ? memory.reduce((sum, each) => sum + each, 0) : undefined,
      startedAt: first?.info.State.StartedAt,
      lastError: odd && complaintOf(odd.info),
    };
  }

  /** Instances that are stopped on purpose have no container at all. */
  private stoppedParts(names: readonly string[]): LivePart[] {
    return Object.values(this.plan?.apps ?? {}).flatMap(({ instance }) =>
      instance?.state === "stopped" && !names.includes(instance.name)
        ? [{ name: instance.name, kind: "instance", state: "stopped", restarts: 0 }]
        : [],
    );
  }
}

function liveOf(info: ContainerInspectInfo): Live {
  const labels = info.Config.Labels;
  const part = labels[PART_LABEL] ?? info.Name.slice(1);
  return {
    part: PART_OF[part] ?? part,
    kind: (labels[KIND_LABEL] ?? "instance") as PartKind,
    replica: Number(labels[REPLICA_LABEL] ?? 1),
    info,
  };
}

function stateOf({ State }: ContainerInspectInfo): LiveState {
  if (State.Restarting) return "failed";
  if (!State.Running) return State.Status === "created" ? "missing" : "held";
  const health = State.Health?.Status;
  return health === "starting" || health === "unhealthy" ? health : "running";
}

function complaintOf(info: ContainerInspectInfo): string | undefined {
  const { State } = info;
  if (stateOf(info) === "running") return undefined;
  if (!State.Running)
    return `ended with exit code ${State.ExitCode}; \`fleet start\` or \`fleet up\` starts it`;
  const said = State.Health?.Log.at(-1)?.Output.trim();
  return said === undefined || said === "" ? undefined : said.slice(0, 200);
}

/** Containers of the same kind start and stop side by side; a gateway's in their order. */
function inSteps(containers: readonly Live[]): Live[][] {
  const order = ({ kind, info }: Live) => ORDER[kind] * 10 + (info.Name.endsWith(GATEWAY.proxy) ? 1 : 0);
  const orders = [...new Set(containers.map(order))].sort((a, b) => a - b);
  return orders.map((each) => containers.filter((container) => order(container) === each));
}

function unlessStopped(error: unknown): void {
  // 304: it is stopped already.
  if ((error as { statusCode?: number }).statusCode !== 304) throw error;
}
