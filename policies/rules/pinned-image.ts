import type { ResourceValidationPolicy } from "@pulumi/policy";
import { IMAGE } from "../types";

export const pinnedImage: ResourceValidationPolicy = {
  name: "pinned-image",
  description: "An image is named by a version or a digest, so that it is the same one tomorrow.",
  severity: "medium",
  validateResource: ({ type, props }, reportViolation) => {
    if (type !== IMAGE) return;
    const name: unknown = props.name;
    if (typeof name !== "string" || /^sha256:|@sha256:/.test(name)) return;
    const tag = /:([^:/]+)$/.exec(name)?.[1];
    if (tag === undefined || tag === "latest") {
      reportViolation(
        `${name} is whatever its registry has under that name today: give a version or a digest.`,
      );
    }
  },
};
