import type { Container } from "dockerode";
import { found } from "../../toolchain/plugins/docker/daemon";

const MIB = 1024 ** 2;

interface MemoryStats {
  usage?: number;
  stats?: Record<string, number>;
}

/** Memory of a container's processes in MiB, without the page cache that the kernel gives back: as `docker stats` counts. */
export async function memoryMiB(container: Container): Promise<number> {
  const stats = await found(() => container.stats({ stream: false, "one-shot": true }));
  const { usage = 0, stats: parts = {} } = (stats?.memory_stats ?? {}) as MemoryStats;
  const cache = parts.inactive_file ?? parts.total_inactive_file ?? 0;
  return Math.round((usage - cache) / MIB);
}
