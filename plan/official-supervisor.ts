/** How NocoBase's commercial supervisor is told who is who. Pure; names and values as its multi-environment guide has them. */
import { publicUrl, type Front } from "./public-url";
import type { InstancePlan } from "./types";

/** Plugin whose code NocoBase sells. */
export const OFFICIAL_PLUGIN = "@nocobase/plugin-app-supervisor";

const PLUGINS = "APPEND_PRESET_BUILT_IN_PLUGINS";

/** Variables whose value, an address with a password in it, only the platform knows. */
export const REDIS_VARIABLES = ["APP_SUPERVISOR_REDIS_URL", "APP_COMMAND_REDIS_URL"] as const;

/**
 * Variables without secrets of the entry app or an environment. The platform adds `ENVIRONMENT_PROXY_URL`, where the
 * entry app reaches the environment, and {@link REDIS_VARIABLES}.
 *
 * @param front where people reach the fleet
 * @param env the user's own: plugins that they name stay
 */
export function officialSupervision(
  part: NonNullable<InstancePlan["supervised"]>,
  key: string,
  front: Front,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  const own = (env[PLUGINS] ?? "").split(",").filter((name) => name !== "");
  const common = {
    APP_MODE: part,
    APP_DISCOVERY_ADAPTER: "remote",
    APP_COMMAND_ADAPTER: "redis",
    [PLUGINS]: [...new Set([...own, OFFICIAL_PLUGIN])].join(","),
  };
  if (part === "supervisor") return { ...common, APP_PROCESS_ADAPTER: "remote" };
  return {
    ...common,
    APP_PROCESS_ADAPTER: "local",
    ENVIRONMENT_NAME: key,
    ENVIRONMENT_URL: publicUrl(front, `${key}.${front.domain}`),
  };
}
