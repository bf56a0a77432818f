/** A registry of images on the loopback address that asks for a sign-in: as much of the protocol as a pull takes. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { extract } from "tar-stream";
import type { TestDocker } from "../../support/dockerd";

const TYPES = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
} as const;

interface Blob {
  type: string;
  content: Buffer;
}

export class TestRegistry {
  /** Requests that came with the right sign-in, as `GET /v2/…`. */
  readonly signedIn: string[] = [];
  /** How many came without it or with a wrong one. */
  refused = 0;
  private readonly blobs = new Map<string, Blob>();
  /** Digests by `<repository>:<tag>`. */
  private readonly tags = new Map<string, string>();

  private constructor(
    private readonly server: Server,
    private readonly authorization: string,
  ) {}

  static async start(username: string, password: string): Promise<TestRegistry> {
    const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
    const server = createServer();
    const registry = new TestRegistry(server, authorization);
    server.on("request", (request, response) => {
      registry.answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return registry;
  }

  /** Host and port, as they stand before an image's name. */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /**
   * Takes an image of the daemon under a name of its own; the tag moves where it was given before.
   * @returns the digest
   */
  async take({ docker }: TestDocker, image: string, repository: string, tag: string): Promise<string> {
    const files = await filesOf(await docker.getImage(image).get());
    const [saved] = JSON.parse(String(files.get("manifest.json"))) as { Config: string; Layers: string[] }[];
    const config = saved && files.get(saved.Config);
    if (!config) throw new Error(`${image} can't be saved`);
    const layers = saved.Layers.map((name) => this.keep(TYPES.layer, gzipSync(files.get(name) ?? "")));
    const manifest = {
      schemaVersion: 2,
      mediaType: TYPES.manifest,
      config: this.keep(TYPES.config, config),
      layers,
    };
    const { digest } = this.keep(TYPES.manifest, Buffer.from(JSON.stringify(manifest)));
    this.tags.set(`${repository}:${tag}`, digest);
    return digest;
  }

  private keep(type: string, content: Buffer) {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    this.blobs.set(digest, { type, content });
    return { mediaType: type, size: content.length, digest };
  }

  private answer({ method, url = "", headers }: IncomingMessage, response: ServerResponse): void {
    response.setHeader("Docker-Distribution-Api-Version", "registry/2.0");
    if (headers.authorization !== this.authorization) {
      this.refused++;
      const body = { errors: [{ code: "UNAUTHORIZED", message: "authentication required" }] };
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="tests"' }).end(JSON.stringify(body));
      return;
    }
    this.signedIn.push(`${method} ${url}`);
    if (url === "/v2/") {
      response.writeHead(200).end("{}");
      return;
    }
    const [, repository, kind, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const digest =
      kind === "manifests" ? (this.tags.get(`${repository}:${reference}`) ?? reference) : reference;
    const blob = this.blobs.get(digest);
    if (!blob) {
      const body = { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] };
      response.writeHead(404).end(JSON.stringify(body));
      return;
    }
    response.writeHead(200, {
      "Content-Type": blob.type,
      "Content-Length": blob.content.length,
      "Docker-Content-Digest": digest,
    });
    response.end(method === "HEAD" ? undefined : blob.content);
  }
}

async function filesOf(archive: NodeJS.ReadableStream): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const reader = archive.pipe(extract());
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, Buffer.concat(chunks));
  }
  return files;
}
