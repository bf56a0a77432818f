import { isPortFree } from "../../providers/local/support/ports";

const LOOPBACK = "127.0.0.1";
/** Below the ports that the planner derives, above those that people choose. */
const [FIRST, LAST] = [14_000, 19_999];

/** A port for a gateway that nobody listens on now. @throws Error where there is none */
export async function freePort(): Promise<number> {
  const start = process.pid % (LAST - FIRST);
  for (let step = 0; step <= LAST - FIRST; step++) {
    const port = FIRST + ((start + step) % (LAST - FIRST + 1));
    if (await isPortFree(LOOPBACK, port)) return port;
  }
  throw new Error(`no port between ${FIRST} and ${LAST} is free`);
}
