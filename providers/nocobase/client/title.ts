import type { Call, Session } from "./session";

/** What NocoBase calls every application at its install. */
const FACTORY_TITLE = "NocoBase";

/**
 * Shows the declared title on the application's own pages, its sign-in page first. A title that somebody chose inside
 * the application stays.
 * @param before the title declared earlier; undefined where there was none
 * @returns true where it was changed
 */
export async function adoptTitle(
  application: Session,
  title: string,
  before: string | undefined,
  call: Call = {},
): Promise<boolean> {
  const { data } = await application.call<{ data: { id: number; title: string } }>(
    "GET",
    "systemSettings:get",
    call,
  );
  if (data.title === title || (data.title !== FACTORY_TITLE && data.title !== before)) return false;
  await application.call("POST", "systemSettings:update", {
    ...call,
    query: { filterByTk: String(data.id) },
    body: { title },
  });
  return true;
}
