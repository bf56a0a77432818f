/** `npm run ci:comment -- PAGE`: puts a preview on its pull request, as one comment that later runs update. */
import * as fs from "node:fs";
import { MARKER } from "../cli/preview/markdown";
import { call, gitHubFrom, list, type GitHub } from "./github";

interface Comment {
  id: number;
  body?: string;
  user?: { type?: string };
}

/** Writes the page over the comment that an earlier run made, or as a new one; returns its id. */
export async function putComment(gitHub: GitHub, pullRequest: number, page: string): Promise<number> {
  if (!page.startsWith(MARKER)) throw new Error("the page is no preview: its first line is not the marker");
  const comments = await list<Comment>(gitHub, `/issues/${pullRequest}/comments`);
  // A person may quote the marker; only a bot's comment is written over.
  const own = comments.find(({ body, user }) => user?.type === "Bot" && body?.startsWith(MARKER));
  if (own?.body?.trim() === page.trim()) return own.id;
  const made = own
    ? await call<Comment>(gitHub, "PATCH", `/issues/comments/${own.id}`, { body: page })
    : await call<Comment>(gitHub, "POST", `/issues/${pullRequest}/comments`, { body: page });
  return made.id;
}

/** Number of the pull request that this run is about. */
export function pullRequestOf(env: NodeJS.ProcessEnv): number {
  const file = env.GITHUB_EVENT_PATH;
  if (!file) throw new Error("GITHUB_EVENT_PATH is missing; GitHub Actions sets it");
  const event = JSON.parse(fs.readFileSync(file, "utf8")) as { pull_request?: { number?: number } };
  const number = event.pull_request?.number;
  if (number === undefined) throw new Error("this run is not about a pull request");
  return number;
}

async function main(file: string | undefined): Promise<void> {
  if (file === undefined) throw new Error("give the page that `fleet preview --markdown` wrote");
  if (!fs.existsSync(file)) {
    console.log(`${file} was not written, so there is nothing to say; see the preview's own log`);
    return;
  }
  const id = await putComment(
    gitHubFrom(process.env),
    pullRequestOf(process.env),
    fs.readFileSync(file, "utf8"),
  );
  console.log(`comment ${id} is up to date`);
}

if (require.main === module) {
  main(process.argv[2]).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
