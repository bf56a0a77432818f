import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A port of the loopback address that nothing listens on. It is below those that the kernel gives to whoever asks for any
 * (32768 on) and those that fleets derive from names (20000 on), so that nobody takes it before the test does.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}
