export interface ExpectedFault {
  readonly path: string;
  /** Phrases of the fault as people see it. */
  readonly says: readonly string[];
  /** Line of the file, from 1. */
  readonly line?: number;
  /** What must not be shown. */
  readonly hides?: string;
}

export interface BadStackFile {
  readonly name: string;
  readonly yaml: string;
  /** All of its faults, no others, in any order. */
  readonly faults: readonly ExpectedFault[];
}
