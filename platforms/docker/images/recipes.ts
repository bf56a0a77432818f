/** What goes into each image. Everything here counts in the hash of the image's tag. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { ImageName } from "../../../plan/types";
import { PROJECT_DIR } from "../../../toolchain/locations";

export type { ImageName };

/** A file or folder that is added to what the packages hold. */
export interface Addition {
  /** Absolute path in the image. */
  path: string;
  /** Content of a file; a folder where not given. */
  content?: string;
  /** Target of a symbolic link, instead of content. */
  link?: string;
  mode: number;
  /** Number of user and group; root where not given. */
  owner?: number;
}

export interface Recipe {
  name: ImageName;
  /** First part of the tag. */
  version: string;
  /** Debian packages; what they depend on comes along. */
  packages: readonly string[];
  /** Paths in the image that no program here needs, as prefixes. */
  dropped: readonly RegExp[];
  additions: readonly Addition[];
  /** What lies above the Debian layer: nothing, Node, or Node and a NocoBase release. */
  runtime: "none" | "node" | "nocobase";
  /** Part of the image's configuration, as Docker has it. */
  config: {
    User: string;
    Env: readonly string[];
    WorkingDir: string;
    Entrypoint: readonly string[];
    Cmd: readonly string[];
    ExposedPorts: Readonly<Record<string, object>>;
    StopSignal: string;
  };
}

/** Folder of NocoBase's install in its image. */
export const NOCOBASE_HOME = "/opt/nocobase";
/** Folder that a volume for an instance's files belongs at. */
export const NOCOBASE_STORAGE = "/app/nocobase/storage";
/** Folder that a volume for PostgreSQL belongs at; the cluster lies below it. */
export const POSTGRES_VOLUME = "/var/lib/postgresql";
/** Folder that a volume for Redis belongs at. */
export const REDIS_VOLUME = "/data";
export const LAUNCHER_FILES = [
  "cluster.cjs",
  "environment.cjs",
  "health.cjs",
  "plugins.cjs",
  "redact.cjs",
  "serve.cjs",
] as const;

/** As in the official images: files in volumes stay readable when one is swapped for the other. */
const POSTGRES_USER = 999;
const REDIS_USER = 999;
const NOCOBASE_USER = 1000;
const NODE_USER = 1000;
const PROXY_USER = 1000;

const DOCUMENTS: readonly RegExp[] = [
  /^usr\/share\/doc\/(?!.*copyright$)/,
  /^usr\/share\/(man|info|locale|lintian|bash-completion|bug|perl|perl5|gcc|gdb|menu|pixmaps)\//,
  /^(dev|proc|sys|run|boot|home|media|mnt|srv|opt|var\/(cache|lib\/(apt|dpkg)|log|backups))\//,
  /^etc\/(apt|dpkg|cron[^/]*|init\.d|rc\d\.d|systemd|logrotate\.d|default)\//,
  /^(usr\/)?lib\/(systemd|udev|x86_64-linux-gnu\/perl|aarch64-linux-gnu\/perl)/,
];
/** Perl comes with Debian's wrappers; the programs themselves need none of it. */
const PERL =
  /^usr\/(bin\/(perl|cpan|corelist|enc2xs|h2ph|h2xs|instmodsh|json_pp|libnetcfg|pl2pm|pod|prove|ptar|shasum|splain|streamzip|xsubpp|zipdetails|piconv|encguess)[^/]*|lib\/[^/]+\/(libperl|perl)|lib\/[^/]+\/gconv\/)/;
/** PostgreSQL compiles queries with LLVM where it is there, and interprets them where it is not. */
const COMPILER = /(\/lib(LLVM|clang|z3)[^/]*|\/llvmjit[^/]*|\/lib\/bitcode\/.*|^usr\/lib\/llvm-.*)$/;

const folder = (at: string, owner = 0, mode = 0o755): Addition => ({ path: at, mode, owner });
const file = (at: string, content: string, mode = 0o644): Addition => ({ path: at, content, mode });

function users(name: string, id: number, home: string): Addition[] {
  return [
    file(
      "/etc/passwd",
      `root:x:0:0:root:/root:/usr/sbin/nologin\n${name}:x:${id}:${id}::${home}:/usr/sbin/nologin\n`,
    ),
    file("/etc/group", `root:x:0:\n${name}:x:${id}:\n`),
    { path: "/etc/localtime", link: "/usr/share/zoneinfo/Etc/UTC", mode: 0o777 },
    folder("/tmp", 0, 0o1777),
    folder("/run"),
    folder("/proc"),
    folder("/sys"),
    folder("/dev"),
  ];
}

function own(name: string): string {
  return fs.readFileSync(path.join(PROJECT_DIR, "platforms", "docker", "images", "files", name), "utf8");
}

function launcher(): Addition[] {
  const source = path.join(PROJECT_DIR, "providers", "local", "launcher");
  return LAUNCHER_FILES.map((name) =>
    file(`${NOCOBASE_HOME}/launcher/${name}`, fs.readFileSync(path.join(source, name), "utf8")),
  );
}

/** @param release NocoBase's version @returns all images, small to large */
export function recipes(release: string): Recipe[] {
  return [proxy(), redis(), postgres(), node(), nocobase(release)];
}

function proxy(): Recipe {
  return {
    name: "proxy",
    version: "caddy2.6",
    packages: ["base-files", "caddy", "ca-certificates", "tzdata"],
    dropped: [
      ...DOCUMENTS,
      PERL,
      /^usr\/(bin|sbin)\/(?!caddy$)/,
      /\/lib(nss|nspr|sqlite|smime|ssl3|plc|plds)/,
    ],
    additions: [
      ...users("caddy", PROXY_USER, "/data"),
      folder("/data", PROXY_USER, 0o700),
      folder("/etc/caddy"),
      file("/etc/caddy/Caddyfile", own("Caddyfile")),
    ],
    runtime: "none",
    config: {
      User: `${PROXY_USER}:${PROXY_USER}`,
      Env: ["PATH=/usr/bin", "XDG_DATA_HOME=/data", "XDG_CONFIG_HOME=/data", "HOME=/data"],
      WorkingDir: "/data",
      Entrypoint: ["caddy"],
      Cmd: ["run", "--config", "/etc/caddy/Caddyfile"],
      ExposedPorts: { "8080/tcp": {} },
      StopSignal: "SIGTERM",
    },
  };
}

function redis(): Recipe {
  return {
    name: "redis",
    version: "7.0",
    packages: ["base-files", "libc-bin", "redis-server", "tzdata"],
    dropped: [...DOCUMENTS, PERL, /^usr\/(bin|sbin)\/(?!redis-(server|cli|check-rdb)$)/],
    additions: [...users("redis", REDIS_USER, REDIS_VOLUME), folder(REDIS_VOLUME, REDIS_USER, 0o700)],
    runtime: "none",
    config: {
      User: `${REDIS_USER}:${REDIS_USER}`,
      Env: ["PATH=/usr/bin", "LANG=C.UTF-8"],
      WorkingDir: REDIS_VOLUME,
      Entrypoint: [],
      Cmd: ["redis-server"],
      ExposedPorts: { "6379/tcp": {} },
      StopSignal: "SIGTERM",
    },
  };
}

function postgres(): Recipe {
  return {
    name: "postgres",
    version: "15",
    packages: ["base-files", "busybox-static", "libc-bin", "postgresql-15", "tzdata"],
    dropped: [...DOCUMENTS, PERL, COMPILER, /^usr\/(bin|sbin)\/(?!busybox$)/],
    additions: [
      ...users("postgres", POSTGRES_USER, POSTGRES_VOLUME),
      folder(POSTGRES_VOLUME, POSTGRES_USER, 0o700),
      ...["sh", "rm", "mv"].map((name) => ({ path: `/bin/${name}`, link: "busybox", mode: 0o777 })),
      file("/usr/bin/start-postgres", own("start-postgres.sh"), 0o755),
    ],
    runtime: "none",
    config: {
      User: `${POSTGRES_USER}:${POSTGRES_USER}`,
      Env: [
        "PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin",
        `PGDATA=${POSTGRES_VOLUME}/data`,
        "LANG=C.UTF-8",
      ],
      WorkingDir: "/",
      Entrypoint: ["/usr/bin/start-postgres"],
      Cmd: [],
      ExposedPorts: { "5432/tcp": {} },
      // Fast shutdown: sessions end, the next start needs no recovery.
      StopSignal: "SIGINT",
    },
  };
}

/** Runs the gateway, whose program comes in a volume. */
function node(): Recipe {
  return {
    name: "node",
    version: "22",
    packages: ["base-files", "libc-bin", "libstdc++6", "tzdata"],
    dropped: [...DOCUMENTS, PERL, /^usr\/(bin|sbin)\//],
    additions: users("node", NODE_USER, "/tmp"),
    runtime: "node",
    config: {
      User: `${NODE_USER}:${NODE_USER}`,
      Env: ["PATH=/usr/bin", "HOME=/tmp", "TZ=UTC", "NODE_ENV=production"],
      WorkingDir: "/",
      Entrypoint: ["node"],
      Cmd: ["--version"],
      ExposedPorts: {},
      StopSignal: "SIGTERM",
    },
  };
}

function nocobase(release: string): Recipe {
  return {
    name: "nocobase",
    version: release,
    packages: ["base-files", "ca-certificates", "libc-bin", "libstdc++6", "postgresql-client-15", "tzdata"],
    dropped: [...DOCUMENTS, PERL, /^usr\/(bin|sbin)\//],
    additions: [
      ...users("nocobase", NOCOBASE_USER, "/tmp"),
      folder(NOCOBASE_STORAGE, NOCOBASE_USER, 0o700),
      ...launcher(),
    ],
    runtime: "nocobase",
    config: {
      User: `${NOCOBASE_USER}:${NOCOBASE_USER}`,
      Env: [
        "PATH=/usr/lib/postgresql/15/bin:/usr/bin",
        "HOME=/tmp",
        "TZ=UTC",
        "NODE_ENV=production",
        "APP_ENV=production",
        "APP_HOST=0.0.0.0",
        "APP_PORT=13000",
        `NODE_PATH=${NOCOBASE_HOME}/node_modules`,
        `NODE_MODULES_PATH=${NOCOBASE_HOME}/node_modules`,
        `STORAGE_PATH=${NOCOBASE_STORAGE}`,
        "NODE_OPTIONS=--preserve-symlinks",
        "SOCKET_PATH=/tmp/gateway.sock",
        // The client was rendered when NocoBase was installed; the root can't be written to.
        "NOCOBASE_EXTRACT_CLIENT_ASSETS=true",
      ],
      WorkingDir: NOCOBASE_STORAGE,
      Entrypoint: ["node", `${NOCOBASE_HOME}/launcher/serve.cjs`],
      Cmd: ["start", "--quickstart"],
      ExposedPorts: { "13000/tcp": {} },
      StopSignal: "SIGTERM",
    },
  };
}
