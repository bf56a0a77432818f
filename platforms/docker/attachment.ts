import type { ImageName, ImagesPlan, StackPlan } from "../../plan/types";

/** A stack's images, and what a tenant's stack is attached to: it takes its platform's images. */
export function imagesOf(plan: StackPlan): {
  images: ImagesPlan;
  attachedTo?: Readonly<Record<string, string>>;
} {
  if (plan.platformStack === undefined) return { images: plan.images };
  const { attachment } = plan.facts;
  return { images: JSON.parse(attachment.images ?? "{}") as ImagesPlan, attachedTo: attachment };
}

/** Images that containers of this stack need, besides NocoBase's for each release. */
export function commonImages(plan: StackPlan): Exclude<ImageName, "nocobase">[] {
  const supervised = plan.platformStack === undefined && plan.supervisor === "official";
  return ["proxy", "postgres", "node", ...(supervised ? (["redis"] as const) : [])];
}
