// Runs in a pod, in the folder of its volume: node - JSON. Puts an app's files beside the dump of its database.
const fs = require("node:fs");
const path = require("node:path");

const { folder, files, manifest } = JSON.parse(process.argv[2]);
for (const [name, file] of Object.entries(files)) {
  if (!fs.existsSync(file)) continue;
  const target = path.join(folder, "files", name);
  fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
  fs.renameSync(file, target);
}
fs.writeFileSync(path.join(folder, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`, {
  mode: 0o600,
});
