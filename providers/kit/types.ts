/**
 * What a resource provider of ours implements. The kit speaks Pulumi's provider protocol (gRPC) and hands
 * handlers plain values: secrets unwrapped (and wrapped again on the way out), unknowns as {@link UNKNOWN}.
 */

export type Props = Record<string, unknown>;

/** Stands for a value not known before another resource is made; occurs in check and diff only. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export interface CheckFailure {
  /** Path of the faulty input; empty for the resource as a whole. */
  property: string;
  reason: string;
}

export interface CheckOutcome {
  /** Inputs with defaults filled in. */
  inputs: Props;
  failures?: CheckFailure[];
}

export interface PropertyChange {
  /** Property path, e.g. `database.host`. */
  path: string;
  /** True where the change needs a new resource. */
  replace?: boolean;
  kind?: "add" | "update" | "delete";
  /** True where the change was found between old and new inputs; false where live state differs. Default true. */
  inputDiff?: boolean;
}

export interface DiffOutcome {
  /** Empty: nothing to do. */
  changes: PropertyChange[];
  deleteBeforeReplace?: boolean;
  /** Output names that an update leaves as they are. */
  stables?: string[];
}

export interface Context {
  urn: string;
  /** Name part of the URN. */
  name: string;
  /** Provider configuration (plain), as the program gave it. */
  config: Props;
  /** Time limit of a create, update or delete that the program set (`customTimeouts`), in seconds. */
  timeoutSeconds?: number;
  /** Property paths whose changes the program wants left alone (`ignoreChanges`); diff, update and its preview only. */
  ignoreChanges?: readonly string[];
  /** Aborted when the engine cancels (Ctrl-C): long waits must end soon. */
  signal: AbortSignal;
  /** A line that replaces the resource's status while it is worked on. */
  status(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}

export interface CreateOutcome {
  id: string;
  outputs: Props;
}

export interface ReadOutcome {
  /** Undefined: the resource is gone. */
  id: string | undefined;
  outputs: Props;
  /** Inputs that would give this state; needed for import and drift. */
  inputs: Props;
}

/** One resource type. Every method gets plain values. */
export interface ResourceHandler {
  /** Outputs known only after create; unknown in a preview of create. */
  computed?: readonly string[];
  /** Outputs that are always secret, even if no input of that name was. */
  secretOutputs?: readonly string[];
  /** Outputs that hold a copy of all inputs: what is secret in the inputs is secret there. */
  inputCopies?: readonly string[];
  /** Checked inputs keep a list with a secret in it secret as a whole, as outputs do. */
  secretLists?: boolean;
  check?(news: Props, olds: Props | undefined, context: Context): Promise<CheckOutcome> | CheckOutcome;
  /** `olds` are the old outputs (state), `oldInputs` the old inputs, `news` checked inputs that may hold UNKNOWN. Default: every changed input is an in-place update. */
  diff?(
    id: string,
    olds: Props,
    news: Props,
    context: Context,
    oldInputs: Props,
  ): Promise<DiffOutcome> | DiffOutcome;
  create(inputs: Props, context: Context): Promise<CreateOutcome>;
  /**
   * Outputs that a preview of create (no `olds`) or update shows; `inputs` may hold UNKNOWN. Default: the inputs
   * over the old outputs, with `computed` as UNKNOWN when there are no old ones.
   */
  preview?(inputs: Props, context: Context, olds?: Props): Promise<Props> | Props;
  read?(id: string, outputs: Props, context: Context, inputs: Props): Promise<ReadOutcome>;
  update?(id: string, olds: Props, news: Props, context: Context): Promise<Props>;
  delete?(id: string, outputs: Props, context: Context): Promise<void>;
}

export interface ProviderDefinition {
  /** Package name, e.g. `nocobase`. */
  name: string;
  version: string;
  /** Pulumi package schema, as JSON text. */
  schema: string;
  /** By type token, e.g. `nocobase:index:Application`. A type not listed is refused by name. */
  resources: Record<string, ResourceHandler>;
  /** Types beyond those of `resources`. */
  otherResources?: {
    /** Which, for the message that refuses a type: `objects of every kind`. */
    description: string;
    find(type: string): ResourceHandler | undefined;
  };
  /** Functions (invokes) by token. */
  functions?: Record<string, (args: Props, config: Props) => Promise<Props>>;
  checkConfig?(news: Props, olds: Props | undefined): CheckOutcome;
  diffConfig?(olds: Props, news: Props): DiffOutcome;
  configure?(config: Props): Promise<void>;
  /** Called on the engine's cancel. */
  cancel?(): void;
  /** What to do about a resource type or function that is not here; ends the message that refuses it. */
  remedy?: string;
}

/** The resource exists but isn't healthy: its state is kept and the next update goes on from there. */
export class PartialFailure extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Props,
  ) {
    super(message);
  }
}
