/** What the `fleet` command's exit status means. */
export const ExitCode = {
  ok: 0,
  /** An operation failed, or `status` found something down that should run. */
  failed: 1,
  /** The command line or the stack file is wrong; nothing was touched. */
  usage: 2,
  /** Somebody else holds the stack's lock. */
  locked: 3,
  /** A preview found that data would be lost, a removal refused since it is protected, or a policy broken. */
  unsafe: 4,
  /** `--expect-no-changes` found some; the engine's own code for it. */
  changes: 7,
  /** Interrupted by Ctrl-C. */
  interrupted: 130,
} as const;

/** A mistake or a state of affairs the user can mend: shown without a stack trace. */
export class UserError extends Error {
  constructor(
    message: string,
    readonly exitCode: number = ExitCode.failed,
  ) {
    super(message);
  }
}
