// Makes our own plugins known to NocoBase where a process needs them. Known, not built in: that would leave rows in the
// app's database, which a process without them could not load.
const PREFIXES = [
  "@nocobase/plugin-",
  "@nocobase/plugin-sample-",
  "@nocobase/preset-",
  "@nocobase-fleet/plugin-",
];

const CLUSTER_PLUGIN = "@nocobase-fleet/plugin-cluster";

/** Sets the variables by which NocoBase finds and loads them. */
function prepareOwnPlugins() {
  const own = [
    ...(process.env.FLEET_CLUSTER === "1" ? [CLUSTER_PLUGIN] : []),
    ...(process.env.FLEET_SUPERVISOR_ROLE ? ["@nocobase-fleet/plugin-supervisor"] : []),
  ];
  // Also without any: an entry app that is no control plane any more still has the plugin enabled.
  process.env.PLUGIN_PACKAGE_PREFIX ||= PREFIXES.join(",");
  if (own.length === 0) return;
  const plugins = (process.env.APPEND_PRESET_LOCAL_PLUGINS || "").split(",").filter(Boolean);
  process.env.APPEND_PRESET_LOCAL_PLUGINS = [...new Set([...plugins, ...own])].join(",");
}

module.exports = { CLUSTER_PLUGIN, prepareOwnPlugins };
