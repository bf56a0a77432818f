/** Files that are put into a container between its making and its start. */
import { readFileSync } from "node:fs";
import type { Container } from "dockerode";
import { pack } from "tar-stream";
import type { Props } from "../../../../providers/kit/types";
import { knownObjects, knownText } from "../state";

/** @throws Error where an upload has no content, or more than one */
export async function upload(container: Container, planned: Props): Promise<void> {
  for (const file of knownObjects(planned, "uploads")) {
    const archive = pack();
    archive.entry({ name: String(file.file), mode: modeOf(file) }, contentOf(file));
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk as Buffer);
    await container.putArchive(Buffer.concat(chunks), { path: "/" });
  }
}

function modeOf(file: Props): number {
  const permissions = knownText(file, "permissions");
  if (permissions !== undefined) return Number.parseInt(permissions, 8);
  return file.executable === true ? 0o744 : 0o644;
}

function contentOf(file: Props): Buffer {
  const [content, base64, source] = ["content", "contentBase64", "source"].map((key) => knownText(file, key));
  const given = [content, base64, source].filter((value) => value !== undefined);
  if (given.length !== 1) {
    throw new Error(
      `The upload ${String(file.file)} has ${given.length === 0 ? "no content" : "more than one content"}: ` +
        "give one of content, contentBase64 and source.",
    );
  }
  if (content !== undefined) return Buffer.from(content);
  return base64 === undefined ? readFileSync(source ?? "") : Buffer.from(base64, "base64");
}

/** Texts that must not come out in a message: values of the environment, and what was uploaded. */
export function confidential(planned: Props): string[] {
  const values = (Array.isArray(planned.envs) ? (planned.envs as string[]) : []).map((line) =>
    line.slice(line.indexOf("=") + 1),
  );
  const contents = knownObjects(planned, "uploads").flatMap((file) => knownText(file, "content") ?? []);
  // Short ones are flags and numbers, which occur everywhere.
  return [...values, ...contents, ...contents.flatMap((text) => text.split("\n"))].filter(
    (text) => text.length >= 6,
  );
}
