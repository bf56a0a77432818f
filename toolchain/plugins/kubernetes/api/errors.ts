/** What the API server says when it refuses, for people. */

/** The parts of a `Status` object that are read here (Kubernetes API, meta/v1). */
export interface Status {
  message?: string;
  reason?: string;
  code?: number;
  details?: {
    kind?: string;
    name?: string;
    causes?: { field?: string; message?: string; reason?: string }[];
  };
}

/** The API server answered, and not with what was asked for. */
export class ApiError extends Error {
  constructor(
    /** HTTP status code. */
    readonly code: number,
    readonly status: Status,
    address: string,
    /** An earlier try of the same request got no answer, and may have been carried out. */
    readonly isRepeated = false,
  ) {
    super(explain(code, status, address));
  }

  get reason(): string {
    return this.status.reason ?? "";
  }

  /** The object is not there, or its namespace or its kind. */
  get isNotFound(): boolean {
    return this.code === 404;
  }

  /** An object can't be made since its namespace is missing. */
  get isNamespaceMissing(): boolean {
    return this.isNotFound && this.status.details?.kind === "namespaces";
  }
}

/** No answer: the server is away, or too slow. */
export class Unreachable extends Error {
  constructor(
    address: string,
    override readonly cause: Error,
    waitedMs: number,
  ) {
    const seconds = Math.round(waitedMs / 1000);
    super(
      `The Kubernetes API server at ${address} does not answer (${cause.message}; tried for ${seconds} s). ` +
        "Check that the cluster runs and that the kubeconfig's context is the right one, then run the same command again: " +
        "it goes on where this one stopped.",
    );
  }
}

function explain(code: number, status: Status, address: string): string {
  const message = status.message ?? `HTTP ${code}`;
  switch (code) {
    case 401:
      return (
        `The API server at ${address} refuses the kubeconfig's credentials (401 ${message}): they are wrong, expired or ` +
        "withdrawn. Sign in again or renew the kubeconfig, then run the same command again."
      );
    case 403:
      return `${message}${forbiddenAdvice(message)}`;
    case 409:
      return status.reason === "Conflict" && status.details?.causes ? conflict(status) : message;
    default:
      return message;
  }
}

function forbiddenAdvice(message: string): string {
  if (message.includes("violates PodSecurity")) {
    return ". The namespace admits only pods that keep to this standard: change the pod, not the namespace's label.";
  }
  if (message.includes("exceeded quota")) return ". Raise the namespace's ResourceQuota, or ask for less.";
  // "User X cannot VERB resource …": the role has to be extended.
  return message.includes("cannot ") ? ". Give the deployer's role this right, or use another context." : "";
}

/** Fields of another manager: `conflict with "kubectl-edit" using v1` and the field of each cause. */
function conflict(status: Status): string {
  const causes = (status.details?.causes ?? []).map(
    ({ message = "", field = "" }) =>
      `${field.replace(/^\./, "")} (${message.replace(/^conflict with /, "")})`,
  );
  return (
    `fields belong to another field manager: ${causes.join(", ")}. Leave them out of the program, or take them over once ` +
    'with the annotation "pulumi.com/patchForce": "true".'
  );
}
