// Entry of the supervisor daemon: node main.cjs <root>. A launcher, since Node 20 cannot run TypeScript itself.
require("../../../toolchain/typescript.cjs");
require("./daemon.ts")
  .runDaemon(process.argv[2])
  .catch((error) => {
    console.error(`${new Date().toISOString()} the supervisor cannot start: ${error.message}`);
    process.exit(1);
  });
