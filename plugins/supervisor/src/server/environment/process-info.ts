import type { Application } from "../../../../shared/contracts/core";
import type { MemberInfo } from "../registry/types";

/** What a process says of itself. */
export function processInfo(app: Application, url: string): MemberInfo {
  return {
    release: app.getPackageVersion(),
    url,
    memoryMiB: Math.round(process.memoryUsage.rss() / 1024 ** 2),
  };
}
