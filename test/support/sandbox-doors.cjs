"use strict";
// Runs in a sandbox's network: each listening socket that it is sent was opened on the machine's loopback; whoever
// connects there is led to an address in here.
const net = require("node:net");

process.on("message", ({ host, port }, server) => {
  server.on("connection", (outer) => {
    const inner = net.connect(port, host);
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ]) {
      from.pipe(to);
      from.on("error", () => to.destroy());
    }
  });
  process.send("open");
});
process.on("disconnect", () => process.exit());
