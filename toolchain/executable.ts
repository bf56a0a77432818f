/** Bundled executables (language host, stand-ins): written when their sources changed, and tried before use. */
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { bundle, fingerprint } from "./bundle";
import { shortHash } from "./locations";

/** What was noted when an executable was made. */
interface Note {
  inputs: string[];
  fingerprint: string;
  hash: string;
}

const START_LIMIT_MS = 30_000;

function readNote(file: string): Note | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Note;
  } catch {
    return undefined;
  }
}

/** Whether the executable that the note speaks of was made from the sources as they are now. */
export function isCurrent(noteFile: string, projectDir: string): boolean {
  const note = readNote(noteFile);
  return note !== undefined && note.fingerprint === fingerprint(note.inputs, projectDir);
}

/**
 * Bundles `entry`, tries whether the result starts, and hands it to `install` unless the one noted was the same.
 * @param noteFile JSON file that remembers what was made from what
 * @param install puts the executable at `file` where it belongs
 * @param options.cwd working folder it is tried in; this process's own where not given
 * @throws Error where the program can't be bundled or does not start
 */
export async function makeExecutable(
  entry: string,
  name: string,
  projectDir: string,
  noteFile: string,
  install: (file: string) => Promise<void>,
  { cwd }: { cwd?: string } = {},
): Promise<void> {
  const made = await bundle(entry, projectDir);
  const note: Note = {
    inputs: made.inputs,
    fingerprint: fingerprint(made.inputs, projectDir),
    hash: shortHash(made.text),
  };
  if (readNote(noteFile)?.hash !== note.hash) {
    const folder = fs.mkdtempSync(path.join(fs.realpathSync(path.dirname(noteFile)), `${name}-`));
    try {
      const file = path.join(folder, name);
      fs.writeFileSync(file, made.text, { mode: 0o755 });
      await assertStarts(file, entry, cwd);
      await install(file);
    } finally {
      fs.rmSync(folder, { recursive: true, force: true });
    }
  }
  const aside = `${noteFile}.${randomUUID()}`;
  fs.writeFileSync(aside, JSON.stringify(note));
  fs.renameSync(aside, noteFile);
}

/** A plugin prints the port it listens on as its first line. */
function assertStarts(file: string, entry: string, cwd: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr, started] = ["", "", false];
    const timer = setTimeout(() => child.kill("SIGKILL"), START_LIMIT_MS);
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (!/^\d+\r?\n/.test(stdout)) return;
      started = true;
      child.kill("SIGKILL");
    });
    child.once("close", () => {
      clearTimeout(timer);
      if (started) resolve();
      else
        reject(new Error(`${entry} does not start: ${stderr.trim() || stdout.trim() || "no port printed"}`));
    });
  });
}
