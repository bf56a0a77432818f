/** How the containers of each source of images are run: where they differ. */
import type { ImagesPlan } from "../../../plan/types";
import { imageTag } from "./build";
import {
  NOCOBASE_HOME,
  NOCOBASE_STORAGE,
  POSTGRES_VOLUME,
  recipes,
  REDIS_VOLUME,
  type ImageName,
} from "./recipes";

export interface NocoBaseProfile {
  /** Number of the user that it runs as. */
  readonly owner: number;
  /** Port that it listens on. */
  readonly port: number;
  /** Where the volume of its files belongs. */
  readonly storage: string;
  /** False where its start writes all over its own root. */
  readonly readOnly: boolean;
  readonly entrypoints?: readonly string[];
  /** The file of its secrets, and how they stand in it. */
  readonly secrets: { readonly name: string; readonly format: "json" | "shell" };
  /** Command of its health check. */
  readonly health: readonly string[];
  /** Set for its own sake. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Profile {
  readonly nocobase: NocoBaseProfile;
  readonly postgres: { readonly owner: number; readonly volume: string };
  readonly redis: { readonly owner: number; readonly volume: string };
}

/** Where the volume of an instance's secrets is mounted. */
export const SECRETS_FOLDER = "/run/fleet";
const PID_FILE = "/tmp/server.pid";
/** Failures in a row after which a server that was healthy is ended, to be started anew. */
const HEALTH_FAILURES = 8;
const HEALTH_PATH = "/api/__health_check";

const local: Profile = {
  nocobase: {
    owner: 1000,
    port: 13000,
    storage: NOCOBASE_STORAGE,
    readOnly: true,
    secrets: { name: "secrets.json", format: "json" },
    health: [
      "CMD",
      "node",
      `${NOCOBASE_HOME}/launcher/health.cjs`,
      `http://127.0.0.1:13000${HEALTH_PATH}`,
      String(HEALTH_FAILURES),
    ],
    env: { FLEET_SECRETS_FILE: `${SECRETS_FOLDER}/secrets.json`, FLEET_PID_FILE: PID_FILE },
  },
  postgres: { owner: 999, volume: POSTGRES_VOLUME },
  redis: { owner: 999, volume: REDIS_VOLUME },
};

/**
 * NocoBase's own image unpacks itself at its first start and runs nginx beside the server, as root: its root can't be
 * read-only. Its secrets come from a file all the same, by a shell that reads it first.
 */
const official: Profile = {
  nocobase: {
    owner: 0,
    port: 80,
    storage: "/app/nocobase/storage",
    readOnly: false,
    entrypoints: [
      "/bin/sh",
      "-c",
      `set -a; . ${SECRETS_FOLDER}/secrets.env; set +a; exec /app/docker-entrypoint.sh`,
    ],
    secrets: { name: "secrets.env", format: "shell" },
    health: [
      "CMD",
      "node",
      "-e",
      `fetch("http://127.0.0.1${HEALTH_PATH}").then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))`,
    ],
    env: {},
  },
  postgres: { owner: 999, volume: POSTGRES_VOLUME },
  redis: { owner: 999, volume: REDIS_VOLUME },
};

export function profileOf({ source }: ImagesPlan): Profile {
  return { local, official }[source];
}

/** Official images, by version. NocoBase's has the fleet's own version. */
const OFFICIAL: Readonly<Record<Exclude<ImageName, "nocobase">, string>> = {
  node: "node:22.23.3-bookworm-slim",
  postgres: "postgres:15.18-bookworm",
  proxy: "caddy:2.10.2",
  // From version 8 on with the modules that NocoBase's guide asks for.
  redis: "redis:8.2.1-bookworm",
};

/** Name of an image: as overridden, else that of its source. @param release NocoBase's version */
export function imageName(images: ImagesPlan, name: ImageName, release: string): string {
  const override = images.names[name];
  if (override !== undefined) return override.replaceAll("{version}", release);
  if (images.source === "official") {
    return name === "nocobase" ? `nocobase/nocobase:${release}` : OFFICIAL[name];
  }
  const recipe = recipes(release).find((each) => each.name === name);
  if (!recipe) throw new Error(`there is no recipe for image ${name}`);
  return imageTag(recipe);
}
