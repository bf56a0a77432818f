// Runs in a container on the volumes of one or two instances: node files.cjs JSON. Makes an app's folders, brings its
// files from where they were, or removes them. Safe to repeat after being killed at any point.
const fs = require("node:fs");
const path = require("node:path");

/** @typedef {{ root: string, key: string, appName: string }} Placement */
const { action, owner, from, to, aesKeyFile } = JSON.parse(process.argv[2]);

/** An app's things in a storage folder, as NocoBase 2.2 names them. */
const placesOf = ({ root, key, appName }) => ({
  uploads: path.join(root, "uploads", key),
  backups: path.join(root, "backups", appName),
  aesKey: path.join(root, "apps", appName, "aes_key.dat"),
});

function ensureFolder(folder, root) {
  if (folder === root || fs.existsSync(folder)) return;
  ensureFolder(path.dirname(folder), root);
  fs.mkdirSync(folder, { mode: 0o700 });
  fs.chownSync(folder, owner, owner);
}

function entriesBelow(folder) {
  return fs.readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
    const file = path.join(entry.parentPath, entry.name);
    return [path.relative(folder, file), entry.isFile() ? fs.statSync(file).size : -1].join("\0");
  });
}

function chownBelow(folder) {
  fs.lchownSync(folder, owner, owner);
  if (!fs.lstatSync(folder).isDirectory()) return;
  for (const name of fs.readdirSync(folder)) chownBelow(path.join(folder, name));
}

/** Copies, compares, and only then removes what was copied. */
function bring(source, target) {
  if (source === target || !fs.existsSync(source)) return;
  fs.cpSync(source, target, {
    recursive: true,
    force: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  });
  chownBelow(target);
  if (fs.statSync(source).isDirectory()) {
    const there = new Set(entriesBelow(target));
    const lost = entriesBelow(source).filter((entry) => !there.has(entry));
    if (lost.length > 0)
      throw new Error(`${lost.length} of ${source} didn't arrive at ${target}; nothing was removed`);
  }
  fs.rmSync(source, { recursive: true });
}

function place() {
  const target = placesOf(to);
  // A volume's own folder belongs to root until somebody says otherwise; whoever isn't root can't, and was let in.
  if (process.getuid() === 0) {
    fs.chownSync(to.root, owner, owner);
    fs.chmodSync(to.root, 0o700);
  }
  ensureFolder(path.dirname(target.uploads), to.root);
  ensureFolder(path.dirname(target.backups), to.root);
  ensureFolder(path.dirname(target.aesKey), to.root);
  const key = fs.readFileSync(aesKeyFile);
  const source = from && placesOf(from);
  const keys = [target.aesKey, ...(source ? [source.aesKey] : [])].filter((file) => fs.existsSync(file));
  // Fields stored with another key would become unreadable for ever.
  if (keys.some((file) => !fs.readFileSync(file).equals(key))) {
    console.log("the AES key that lies there is another one");
    process.exit(3);
  }
  if (source) {
    bring(source.uploads, target.uploads);
    bring(source.backups, target.backups);
    bring(source.aesKey, target.aesKey);
  }
  ensureFolder(target.uploads, to.root);
  ensureFolder(target.backups, to.root);
  if (!fs.existsSync(target.aesKey)) {
    fs.writeFileSync(`${target.aesKey}.new`, key, { mode: 0o600 });
    fs.chownSync(`${target.aesKey}.new`, owner, owner);
    fs.renameSync(`${target.aesKey}.new`, target.aesKey);
  }
}

function remove() {
  for (const file of Object.values(placesOf(to))) fs.rmSync(file, { recursive: true, force: true });
}

({ place, remove })[action]();
