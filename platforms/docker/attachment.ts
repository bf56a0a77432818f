import type { ImagesPlan, StackPlan } from "../../plan/types";

/** A stack's images, and what a tenant's stack is attached to: it takes its platform's images. */
export function imagesOf(plan: StackPlan): {
  images: ImagesPlan;
  attachedTo?: Readonly<Record<string, string>>;
} {
  if (plan.platformStack === undefined) return { images: plan.images };
  const { attachment } = plan.facts;
  return { images: JSON.parse(attachment.images ?? "{}") as ImagesPlan, attachedTo: attachment };
}
