/** A container that lives for one piece of work on volumes. */
import type { Container, MountSettings } from "dockerode";
import { found, isMissing, type Daemon } from "../../../toolchain/plugins/docker/daemon";
import { STACK_LABEL } from "../labels";
import { copyLog } from "../logs";
import { archiveOf, type FileEntry } from "./archive";

/** Of what a helper prints, what is kept. */
const OUTPUT_LINES = 100;

export interface HelperOptions {
  daemon: Daemon;
  /** Id or name of an image with Node. */
  image: string;
  /** `<project>/<stack>`, for the label that tells whose it is. */
  stack: string;
  /** Volumes by path; a volume named "" is made for this container and goes with it. */
  volumes: Readonly<Record<string, string>>;
  /** Network that its program reaches; none by default. */
  network?: string;
  signal?: AbortSignal;
}

/** What a helper's program ended with. */
export interface Ended {
  code: number;
  output: string;
}

/** Files in and out of volumes, and one program run on them. */
export class Helper {
  private constructor(
    private readonly container: Container,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Makes a helper for `program` (a path in the container), lets `work` use it, and removes it. */
  static async use<T>(
    options: HelperOptions,
    program: readonly string[],
    work: (helper: Helper) => Promise<T>,
  ): Promise<T> {
    const { daemon, image, stack, volumes, network } = options;
    const mounts: MountSettings[] = Object.entries(volumes).map(([target, volume]) => ({
      Type: "volume",
      Source: volume,
      Target: target,
    }));
    const made = await daemon.docker.createContainer({
      Image: image,
      Entrypoint: ["node"],
      Cmd: [...program],
      // Root of its own namespace without any capability but those over files: folders belong to several users.
      User: "0:0",
      WorkingDir: "/",
      Labels: { [STACK_LABEL]: stack },
      Healthcheck: { Test: ["NONE"] },
      HostConfig: {
        Mounts: mounts,
        NetworkMode: network ?? "none",
        ReadonlyRootfs: true,
        CapDrop: ["ALL"],
        CapAdd: ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
        SecurityOpt: ["no-new-privileges:true"],
        Tmpfs: { "/tmp": "rw,nosuid,nodev,noexec,size=64m" },
        Init: true,
      },
    });
    try {
      return await work(new Helper(made, options.signal));
    } finally {
      await found(() => made.remove({ force: true, v: true }));
    }
  }

  /** Puts entries below a path within one of its volumes. */
  async put(path: string, entries: readonly FileEntry[]): Promise<void> {
    await this.container.putArchive(await archiveOf(entries), { path });
  }

  /** A tar archive of a path, as a stream; undefined where there is nothing. */
  async get(path: string): Promise<NodeJS.ReadableStream | undefined> {
    return await found(() => this.container.getArchive({ path }));
  }

  /** Runs the program to its end. */
  async run(): Promise<Ended> {
    await this.container.start();
    const stop = (): void => void this.container.kill().catch(() => undefined);
    this.signal?.addEventListener("abort", stop, { once: true });
    try {
      const { StatusCode: code } = (await this.container.wait()) as { StatusCode: number };
      return { code, output: await this.output() };
    } finally {
      this.signal?.removeEventListener("abort", stop);
    }
  }

  private async output(): Promise<string> {
    const lines: string[] = [];
    await copyLog(this.container, OUTPUT_LINES, (line) => lines.push(line));
    return lines.join("\n");
  }
}

/** Puts entries into a container's volume while it is there; false where it isn't. */
export async function putIntoContainer(
  daemon: Daemon,
  container: string,
  path: string,
  entries: readonly FileEntry[],
): Promise<boolean> {
  try {
    await daemon.docker.getContainer(container).putArchive(await archiveOf(entries), { path });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
