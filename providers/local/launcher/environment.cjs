// Loads NocoBase's own preparation from the release that NODE_MODULES_PATH points to.
const path = require("node:path");
const { createRequire } = require("node:module");

/** Sets NocoBase's defaults in process.env and writes the client's index.html; gives a `require` of the release. */
exports.prepareNocoBase = () => {
  const modules = process.env.NODE_MODULES_PATH;
  if (!modules) throw new Error("NODE_MODULES_PATH is not set");
  const requireFromRelease = createRequire(path.join(modules, "release.cjs"));
  const { initEnv, generateAppDir } = requireFromRelease("@nocobase/cli-v1/src/util");
  initEnv();
  generateAppDir();
  return requireFromRelease;
};
