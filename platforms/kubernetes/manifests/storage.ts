/** Files of an instance, and its secret variables. */
import { DELETION, FILES, NO_WAIT, VARIABLES, metadata, type InstanceFacts, type Manifest } from "./object";

/** A claim may wait for its first pod; the Deployment says what is wrong where it never gets a volume. */
export function filesClaim(facts: InstanceFacts): Manifest {
  const { size, class: storageClassName, accessMode } = facts.placement.storage;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: metadata(facts, FILES, { ...NO_WAIT, [DELETION]: facts.plan.deletion }),
    spec: {
      accessModes: [accessMode],
      ...(storageClassName ? { storageClassName } : {}),
      resources: { requests: { storage: size } },
    },
  };
}

/** @param values secret variables by name */
export function variablesSecret(facts: InstanceFacts, values: unknown): Manifest {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata(facts, VARIABLES),
    type: "Opaque",
    stringData: values,
  };
}
