/** The gateway's folder: a volume that fleet writes to and the gateway's containers read. */
import * as fs from "node:fs";
import * as path from "node:path";
import { extract } from "tar-stream";
import { pipeline } from "node:stream/promises";
import { bundle } from "../../../toolchain/bundle";
import { shortHash, PROJECT_DIR } from "../../../toolchain/locations";
import { found, type Daemon } from "../../../toolchain/plugins/docker/daemon";
import type { FileEntry } from "../volume/archive";

/** Where the volume is in the gateway's containers. */
export const GATEWAY_FOLDER = "/fleet";
export const ROUTES_FILE = "routes.json";
export const PROGRAM_FILE = "gateway.cjs";
export const PROXY_FILE = "Caddyfile";
export const TENANTS_FOLDER = "tenants";

const ENTRY = path.join(PROJECT_DIR, "providers", "docker", "gateway", "main.ts");
/** Folders whose sources the program is made of. */
const SOURCES = ["providers/docker/gateway", "providers/local/gateway", "providers/local/support"];

/** Says which program it is: a gateway with another one is started anew. */
export function programHash(): string {
  const files = SOURCES.flatMap((folder) =>
    fs
      .readdirSync(path.join(PROJECT_DIR, folder))
      .filter((name) => name.endsWith(".ts"))
      .sort()
      .map((name) => path.join(PROJECT_DIR, folder, name)),
  );
  return shortHash(...files.map((file) => fs.readFileSync(file, "utf8")));
}

/** The gateway's program as one file. */
export async function gatewayProgram(): Promise<string> {
  return (await bundle(ENTRY, PROJECT_DIR)).text;
}

/** A file for the gateway's folder, which its containers may read and nobody in them may write. */
export function gatewayFile(name: string, content?: string): FileEntry {
  return { path: name, content, owner: 0, mode: content === undefined ? 0o755 : 0o444 };
}

/** Texts of the folder's files by path; undefined where there is no gateway's container. */
export async function readGatewayFolder(
  daemon: Daemon,
  container: string,
): Promise<Record<string, string> | undefined> {
  const stream = await found(() =>
    daemon.docker.getContainer(container).getArchive({ path: GATEWAY_FOLDER }),
  );
  if (!stream) return undefined;
  const texts: Record<string, string> = {};
  const reader = extract();
  const done = pipeline(stream, reader);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const name = entry.header.name.split("/").slice(1).join("/");
    if (entry.header.type === "file") texts[name] = Buffer.concat(chunks).toString("utf8");
  }
  await done;
  return texts;
}
