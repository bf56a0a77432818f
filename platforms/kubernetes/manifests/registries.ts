/** What images of private registries are pulled with. */
import * as pulumi from "@pulumi/pulumi";
import type { KubernetesPlan } from "../../../plan/types";
import { metadata, type InstanceFacts, type Manifest } from "./object";

const NAME = "registries";

/** Names of pull secrets, for pods. */
export function pullSecretNames({ registries }: Pick<KubernetesPlan, "registries">): string[] {
  return Object.keys(registries).length > 0 ? [NAME] : [];
}

/** @param passwords by the registries' keys @returns undefined where there is no private registry */
export function pullSecret(
  facts: InstanceFacts,
  passwords: Readonly<Record<string, pulumi.Input<string>>>,
): Manifest | undefined {
  const { registries } = facts.cluster;
  if (Object.keys(registries).length === 0) return undefined;
  const text = pulumi.all(passwords).apply((known) => dockerConfig(registries, known));
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: metadata(facts, NAME),
    type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": pulumi.secret(text) },
  };
}

/** As `docker login` writes it. */
function dockerConfig(
  registries: KubernetesPlan["registries"],
  passwords: Readonly<Record<string, string>>,
): string {
  const auths = Object.entries(registries).map(([key, { address, username }]) => {
    const password = passwords[key] ?? "";
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return [address, { username, password, auth }];
  });
  return JSON.stringify({ auths: Object.fromEntries(auths) as object });
}
