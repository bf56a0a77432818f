/** `npm run ci:drift -- PAGE EXIT_CODE`: keeps one issue on what differs from the stack files; closes it when nothing does. */
import * as fs from "node:fs";
import { call, gitHubFrom, list, type GitHub } from "./github";

const LABEL = "fleet-drift";
const TITLE = "The fleet differs from its stack files";

interface Issue {
  number: number;
  body?: string | null;
  pull_request?: object;
}

/** Opens, updates or closes the issue; returns what it did. */
export async function putIssue(
  gitHub: GitHub,
  { page, differs }: { page: string; differs: boolean },
): Promise<"opened" | "updated" | "closed" | "nothing"> {
  const open = await list<Issue>(gitHub, `/issues?state=open&labels=${LABEL}`);
  const [own, ...more] = open.filter((issue) => issue.pull_request === undefined);
  for (const { number } of more) await call(gitHub, "PATCH", `/issues/${number}`, { state: "closed" });
  if (!differs) {
    if (!own) return "nothing";
    await call(gitHub, "POST", `/issues/${own.number}/comments`, { body: "Nothing differs any more." });
    await call(gitHub, "PATCH", `/issues/${own.number}`, { state: "closed" });
    return "closed";
  }
  if (own) {
    await call(gitHub, "PATCH", `/issues/${own.number}`, { body: page });
    return "updated";
  }
  await call(gitHub, "POST", "/issues", { title: TITLE, body: page, labels: [LABEL] });
  return "opened";
}

async function main(file: string | undefined, exitCode: string | undefined): Promise<void> {
  if (file === undefined || exitCode === undefined)
    throw new Error("give the page and the preview's exit code");
  const page = fs.existsSync(file)
    ? fs.readFileSync(file, "utf8")
    : "The preview ended without a page; see the workflow's log.";
  console.log(`issue: ${await putIssue(gitHubFrom(process.env), { page, differs: exitCode !== "0" })}`);
}

if (require.main === module) {
  main(process.argv[2], process.argv[3]).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
