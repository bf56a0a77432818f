import { isPortFree } from "../../providers/local/support/ports";

const LOOPBACK = "127.0.0.1";
/** Above the ports that people choose, below those that the planner derives and those that the kernel gives to whoever asks. */
const [FIRST, LAST] = [14_000, 19_999];

/**
 * A port that nobody listens on now, and hardly anybody will before its asker does: another one at each call.
 * @throws Error where there is none
 */
export async function freePort(): Promise<number> {
  const count = LAST - FIRST + 1;
  const start = Math.floor(Math.random() * count);
  for (let step = 0; step < count; step++) {
    const port = FIRST + ((start + step) % count);
    if (await isPortFree(LOOPBACK, port)) return port;
  }
  throw new Error(`no port between ${FIRST} and ${LAST} is free`);
}
