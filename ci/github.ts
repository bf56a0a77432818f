/** The few calls to GitHub's API that the workflows make. */

export interface GitHub {
  /** `owner/name` */
  repository: string;
  token: string;
  /** `https://api.github.com`, or a GitHub Enterprise server's. */
  api: string;
}

const PER_PAGE = 100;
const MOST_PAGES = 50;
const LIMIT_MS = 30_000;

/** From the variables that GitHub Actions sets. @throws Error naming the missing one */
export function gitHubFrom(env: NodeJS.ProcessEnv): GitHub {
  const need = (name: string) => {
    const value = env[name];
    if (!value) throw new Error(`the environment variable ${name} is missing; GitHub Actions sets it`);
    return value;
  };
  return {
    repository: need("GITHUB_REPOSITORY"),
    token: need("GITHUB_TOKEN"),
    api: env.GITHUB_API_URL ?? "https://api.github.com",
  };
}

/** One call below `/repos/<owner>/<name>`. @throws Error with GitHub's own message */
export async function call<Answer>(
  { repository, token, api }: GitHub,
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const answer = await fetch(`${api}/repos/${repository}${path}`, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      authorization: `Bearer ${token}`,
      "x-github-api-version": "2022-11-28",
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  const text = await answer.text();
  if (answer.ok) return (text === "" ? undefined : JSON.parse(text)) as Answer;
  throw new Error(`GitHub answers ${answer.status} to ${method} ${path}: ${text.slice(0, 300)}`);
}

/** All items of a listing, page by page. */
export async function list<Item>(gitHub: GitHub, path: string): Promise<Item[]> {
  const items: Item[] = [];
  const separator = path.includes("?") ? "&" : "?";
  for (let page = 1; page <= MOST_PAGES; page++) {
    const found = await call<Item[]>(gitHub, "GET", `${path}${separator}per_page=${PER_PAGE}&page=${page}`);
    items.push(...found);
    if (found.length < PER_PAGE) break;
  }
  return items;
}
