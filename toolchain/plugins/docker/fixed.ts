/** What networks and volumes have in common: every change needs a new one, and none goes while containers use it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Context, Props, ResourceHandler } from "../../../providers/kit/types";
import type { ResourceSpec } from "../bridge/attributes";
import { checkInputs } from "../bridge/check";
import { diffResource, plannedOutputs } from "../bridge/diff";
import { assertSchemaVersion, inputsFromOutputs, writePreview, writeState } from "../bridge/state";
import { REMEDY } from "./config";
import { daemonOf, explained, found, refusalOf, type Daemon } from "./daemon";
import { settled } from "./state";

/** As long as upstream waits until no container uses it any more. */
const REMOVE_LIMIT_MS = 30_000;
const POLL_MS = 250;

/** How one kind of thing is made, seen and removed on a daemon. */
export interface FixedKind<Info> {
  /** For messages: `network`. */
  readonly noun: string;
  readonly spec: ResourceSpec;
  create(daemon: Daemon, planned: Props): Promise<Info>;
  inspect(daemon: Daemon, id: string): Promise<Info | undefined>;
  /** Values of the daemon's own, with the `id`. */
  live(info: Info): Props;
  remove(daemon: Daemon, id: string): Promise<unknown>;
  /** Part of the daemon's refusal where containers use it. */
  readonly inUse: string;
  /** Names of the containers that use it. */
  users(daemon: Daemon, id: string): Promise<string[]>;
}

export function fixedResource<Info>(kind: FixedKind<Info>): ResourceHandler {
  const { noun, spec } = kind;
  return {
    check: (news, olds, { name }) => checkInputs(news, olds, { spec, remedy: REMEDY, name }),

    diff(_id, olds, news) {
      assertSchemaVersion(spec, olds);
      return diffResource(spec, olds, news);
    },

    preview: (inputs, _context, olds) => writePreview(spec, plannedOutputs(spec, inputs, olds), olds),

    async create(inputs, { config }) {
      const daemon = daemonOf(config);
      const planned = plannedOutputs(spec, inputs);
      return await explained(`create the ${noun} ${String(planned.name)}`, daemon, async () => {
        const live = kind.live(await kind.create(daemon, planned));
        return { id: String(live.id), outputs: writeState(spec, settled(spec, planned, live)) };
      });
    },

    async read(id, outputs, { config }, inputs) {
      const daemon = daemonOf(config);
      const isImport = Object.keys(outputs).length === 0;
      if (!isImport) assertSchemaVersion(spec, outputs);
      const info = await explained(`read the ${noun} ${id}`, daemon, () => kind.inspect(daemon, id));
      if (!info) return { id: undefined, outputs: {}, inputs: {} };
      const live = kind.live(info);
      const values = settled(spec, outputs, live);
      return {
        id: String(live.id),
        outputs: writeState(spec, values),
        inputs: inputsFromOutputs(spec, values, isImport ? undefined : inputs),
      };
    },

    // Only a value that means the same can come here.
    update: (_id, olds, news) =>
      Promise.resolve(writeState(spec, { ...plannedOutputs(spec, news, olds), id: olds.id })),

    async delete(id, outputs, context) {
      const daemon = daemonOf(context.config);
      const name = String(outputs.name);
      await explained(`remove the ${noun} ${name}`, daemon, () =>
        remove(kind, daemon, { id, name }, context),
      );
    },
  };
}

async function remove<Info>(
  kind: FixedKind<Info>,
  daemon: Daemon,
  { id, name }: { id: string; name: string },
  context: Context,
): Promise<void> {
  const end = Date.now() + REMOVE_LIMIT_MS;
  for (;;) {
    try {
      await found(() => kind.remove(daemon, id));
      return;
    } catch (error) {
      if (!refusalOf(error).message.includes(kind.inUse)) throw error;
    }
    const users = (await kind.users(daemon, id)).join(", ");
    if (Date.now() > end) {
      throw new Error(
        `Can't remove the ${kind.noun} ${name} on ${daemon.address}: it is used by ${users}. Remove them first.`,
      );
    }
    context.status(`waiting for ${users} to let go of it`);
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}
