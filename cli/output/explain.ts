/** Says in the fleet's words what the engine's errors mean and what to do. */

const PROTECTED =
  /resource "?(urn:pulumi:[^\s"]+)"? cannot be deleted|as it is currently marked for protection|marked protected/i;

/** Extra lines for known errors; empty where the engine's own text says it all. */
export function explainErrors(errors: readonly string[]): string[] {
  const text = errors.join("\n");
  const owners = new Set(
    [...text.matchAll(/urn:pulumi:\S+?::\S+?::(\S+?)::([\w-]+)/g)]
      .filter(() => PROTECTED.test(text))
      .map(
        ([, types, name]) =>
          `${ownerKind(types ?? "")} ${(name ?? "").replace(/-(db|role|files|seed|connect)$/, "")}`,
      ),
  );
  return owners.size === 0 ? [] : explainProtected([...owners]);
}

/** @param owners what is protected, e.g. `app crm`; repetitions are fine */
export function explainProtected(owners: readonly string[]): string[] {
  return [
    "",
    `Protected: ${[...new Set(owners)].sort().join(", ")}.`,
    "Their databases and files are kept unless the stack file says otherwise. To take one away, first set",
    "`deletion: backup` (a verified dump and its files, then removal), `retain` (leave them in place) or",
    "`delete`, run `fleet up`, and only then remove it. `fleet stop` stops the fleet and loses nothing.",
  ];
}

function ownerKind(types: string): string {
  if (types.includes("BusinessApp")) return "app";
  if (types.includes("RuntimeEnvironment")) return "environment";
  if (types.includes("EntryApp")) return "entry app";
  return "resource";
}
