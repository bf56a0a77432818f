// The environment of a server: its secrets, and NocoBase's own preparation from the release that NODE_MODULES_PATH points to.
const fs = require("node:fs");
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

/**
 * Takes over the variables of the JSON file that FLEET_SECRETS_FILE names: in a container, what is in the environment
 * can be read with `docker inspect`. Nothing where there is no such variable.
 */
exports.readSecrets = () => {
  const file = process.env.FLEET_SECRETS_FILE;
  if (file) Object.assign(process.env, JSON.parse(fs.readFileSync(file, "utf8")));
};
