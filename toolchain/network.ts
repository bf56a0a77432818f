/** Whether this machine can reach Pulumi's download site: asked at most once for each run. */

const SITE = "https://get.pulumi.com/install.sh";
/** Long enough for a slow line's first answer, short enough where packets are dropped without a word. */
const PROBE_MS = 5000;

/** What is known of the download site in this run. */
export class DownloadSite {
  private answer: Promise<string | undefined> | undefined;

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** @returns why it can't be reached, e.g. `getaddrinfo ENOTFOUND get.pulumi.com`; undefined where it can */
  refusal(): Promise<string | undefined> {
    return (this.answer ??= this.probe());
  }

  /** Something was refused although the site answered: ask for nothing more in this run. */
  remember(refusal: string): void {
    this.answer = Promise.resolve(refusal);
  }

  private async probe(): Promise<string | undefined> {
    // Node's fetch knows no proxies, curl and the engine do: behind one, only the download itself can tell.
    if (this.env.HTTPS_PROXY ?? this.env.https_proxy) return undefined;
    try {
      const response = await fetch(SITE, { method: "HEAD", signal: AbortSignal.timeout(PROBE_MS) });
      return response.ok ? undefined : `${SITE} answers ${response.status}`;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return cause instanceof Error ? cause.message : String(cause);
    }
  }
}
