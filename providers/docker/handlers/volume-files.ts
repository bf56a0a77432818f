import { explained } from "../../../toolchain/plugins/docker/daemon";
import { changedPaths } from "../../kit/values";
import type { Context, Props, ResourceHandler } from "../../kit/types";
import { Helper } from "../volume/helper";
import { assertOurs } from "../volume/owned";
import { failuresOf, isText, placeOf } from "./context";

const TARGET = "/volume";

interface VolumeFilesInputs {
  volume: string;
  image: string;
  owner: number;
  files: Record<string, string>;
}

function inputsOf(props: Props): VolumeFilesInputs {
  const { volume, image, owner, files } = props as unknown as VolumeFilesInputs;
  return { volume, image, owner, files };
}

async function apply(news: Props, context: Context): Promise<Props> {
  const { daemon, stack } = placeOf(context);
  const { volume, image, owner, files } = inputsOf(news);
  await assertOurs(daemon, volume, [stack]);
  await explained(`write to the volume ${volume}`, daemon, () =>
    Helper.use({ daemon, image, stack, volumes: { [TARGET]: volume } }, ["--version"], (helper) =>
      helper.put(TARGET, [
        ...foldersOf(Object.keys(files)).map((path) => ({ path, owner, mode: 0o700 })),
        ...Object.entries(files).map(([path, content]) => ({ path, content, owner, mode: 0o400 })),
      ]),
    ),
  );
  return { ...news };
}

/** Folders that files lie in, outer ones first: the daemon would give them to root. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = paths.flatMap((path) => {
    const parts = path.split("/").slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  });
  return [...new Set(folders)].sort();
}

/** `nocobase-docker:index:VolumeFiles`. They go with their volume. */
export const volumeFiles: ResourceHandler = {
  secretOutputs: ["files"],

  check(news) {
    return { inputs: news, failures: failuresOf(news, { volume: isText, image: isText }) };
  },

  diff(_id, _olds, news, _context, oldInputs) {
    const changes = changedPaths(oldInputs, news)
      // Which image helps to write says nothing of what is written.
      .filter((path) => path !== "image")
      .map((path) => ({ path, replace: path === "volume" }));
    return { changes };
  },

  async create(inputs, context) {
    return { id: inputsOf(inputs).volume, outputs: await apply(inputs, context) };
  },

  update(_id, _olds, news, context) {
    return apply(news, context);
  },
};
