import * as fs from "node:fs";
import * as path from "node:path";
import type Docker from "dockerode";
import { PROJECT } from "../../../toolchain/project";
import { KIND_LABEL, STACK_LABEL } from "../../../providers/docker/labels";
import { copyLog } from "../../../providers/docker/logs";
import { fleetRoot } from "../../../providers/local/root";
import type { PlatformHarness } from "./fleet";
import type { Project } from "./project";
import { StateHarness } from "./state";

/** The docker platform as the scenarios see it. */
export class DockerHarness extends StateHarness implements PlatformHarness {
  constructor(
    project: Project,
    private readonly docker: Docker,
  ) {
    super(project);
  }

  async identities(): Promise<Record<string, string>> {
    const containers = await this.containers();
    return Object.fromEntries(
      containers
        .filter(({ State }) => State.Running)
        .map((info) => [this.partOf(info.Name), `${info.Id} since ${info.State.StartedAt}`]),
    );
  }

  /** A replica is a container. Who needs to know learns of it: the gateway, and who keeps them running. */
  scaling(app: string, from: number, to: number): string[] {
    const numbers = Array.from({ length: Math.abs(to - from) }, (_, index) => Math.min(from, to) + index + 1);
    return [
      ...numbers.map((number) => `${to > from ? "created" : "deleted"} ${app}-instance.${number}`),
      "updated declaration",
      `updated ${app}-instance-service`,
      "updated gateway-server-config",
    ].sort();
  }

  async kill(part: string): Promise<void> {
    const found = (await this.containers()).find(({ Name }) => this.partOf(Name) === part);
    if (!found?.State.Running) throw new Error(`${part} doesn't run`);
    process.kill(found.State.Pid, "SIGKILL");
  }

  async powerCut(): Promise<void> {
    const running = (await this.containers()).filter(({ State }) => State.Running);
    await Promise.all(running.map(({ Id }) => this.docker.getContainer(Id).kill()));
  }

  /** What tenants' stacks are told is secret as a whole, though names of containers are none. */
  override async secrets(): Promise<string[]> {
    return (await super.secrets()).filter((text) => !text.startsWith(`fleet-${this.project.stack}-`));
  }

  async exposedTexts(): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    for (const info of await this.containers()) {
      texts[`docker inspect ${info.Name}`] = JSON.stringify(info);
      const container = this.docker.getContainer(info.Id);
      const lines: string[] = [];
      await copyLog(container, 100_000, (line) => lines.push(line));
      texts[`docker logs ${info.Name}`] = lines.join("\n");
      texts[`docker top ${info.Name}`] = JSON.stringify(await container.top());
    }
    for (const folder of [path.join(this.project.folder, ".pulumi-state"), this.root]) {
      if (!fs.existsSync(folder)) continue;
      for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = path.join(entry.parentPath, entry.name);
        if (entry.isFile() && !file.endsWith("passphrase")) texts[file] = fs.readFileSync(file, "latin1");
      }
    }
    return texts;
  }

  async leftovers(): Promise<string[]> {
    const { volumes, networks } = await this.resources();
    return [
      ...(await this.containers(true)).map(({ Name }) => `container ${Name}`),
      ...volumes.map((name) => `volume ${name}`),
      ...networks.map((name) => `network ${name}`),
    ];
  }

  /** Ends what a failed run left behind. */
  async cleanUp(): Promise<void> {
    for (const { Id } of await this.containers(true)) {
      await this.docker.getContainer(Id).remove({ force: true, v: true });
    }
    const { volumes, networks } = await this.resources();
    for (const name of volumes) await this.docker.getVolume(name).remove();
    for (const name of networks) await this.docker.getNetwork(name).remove();
    const root = this.root;
    this.project.remove();
    if (!root.startsWith(this.project.folder))
      fs.rmSync(path.dirname(root), { recursive: true, force: true });
  }

  /** From this machine containers are reached at the ports that they publish. */
  protected override async connectionOf(app: string) {
    const [connection, administrator] = [await super.connectionOf(app), await this.administrator()];
    return { ...connection, host: administrator.host, port: administrator.port };
  }

  private get root(): string {
    return fleetRoot(this.project.folder, this.project.stack);
  }

  private get label(): string {
    return `${STACK_LABEL}=${PROJECT}/${this.project.stack}`;
  }

  private partOf(container: string): string {
    return container.replace(`/fleet-${this.project.stack}-`, "");
  }

  async remove(part: string): Promise<void> {
    await this.docker.getContainer(this.nameOf(part)).remove({ force: true });
  }

  async stop(part: string): Promise<void> {
    await this.docker.getContainer(this.nameOf(part)).stop();
  }

  /** Somebody else's container with the name of a part. @returns the name */
  async foreign(part: string): Promise<string> {
    const [own] = await this.containers();
    await this.docker.createContainer({ name: this.nameOf(part), Image: own?.Image, Cmd: ["--version"] });
    return this.nameOf(part);
  }

  async removeForeign(name: string): Promise<void> {
    await this.docker.getContainer(name).remove();
  }

  /** Writes into the state that an app ran with another release. */
  async pretendRelease(app: string, release: string): Promise<void> {
    await this.editState((resources) => {
      const files = resources.find(({ urn }) => urn.endsWith(`::${app}-files`));
      if (!files?.outputs) throw new Error(`the state has no ${app}-files`);
      files.inputs.release = release;
      files.outputs.release = release;
    });
  }

  private nameOf(part: string): string {
    return `fleet-${this.project.stack}-${part}`;
  }

  /** @param helpers also those that lived for one piece of work and were left by a kill */
  async containers(helpers = false) {
    const filters = { label: [this.label, ...(helpers ? [] : [KIND_LABEL])] };
    const listed = await this.docker.listContainers({ all: true, filters });
    return Promise.all(listed.map(({ Id }) => this.docker.getContainer(Id).inspect()));
  }

  private async resources(): Promise<{ volumes: string[]; networks: string[] }> {
    const filters = { label: [this.label] };
    const { Volumes } = await this.docker.listVolumes({ filters: JSON.stringify(filters) });
    const networks = await this.docker.listNetworks({ filters });
    return { volumes: Volumes.map(({ Name }) => Name), networks: networks.map(({ Name }) => Name) };
  }
}
