import { createHmac } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";

/** Changes with the secrets and tells nothing of them. */
export function markOf(secrets: pulumi.Output<Record<string, string>>): pulumi.Output<string> {
  const mark = secrets.apply((values) =>
    createHmac("sha256", values.APP_KEY ?? "")
      .update(JSON.stringify(values))
      .digest("hex")
      .slice(0, 16),
  );
  return pulumi.unsecret(mark);
}
