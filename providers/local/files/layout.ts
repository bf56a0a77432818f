/** Where an app's files lie, and where its instance looks for them. */
import * as path from "node:path";
import { instanceLayout } from "../instance/unit";

/** Below `<root>/files/<name>`. */
export interface FilesLayout {
  folder: string;
  uploads: string;
  /** Archives that users make inside NocoBase. */
  backups: string;
  aesKey: string;
  owner: string;
}

export function filesLayout(root: string, name: string): FilesLayout {
  const folder = path.join(root, "files", name);
  return {
    folder,
    uploads: path.join(folder, "uploads"),
    backups: path.join(folder, "backups"),
    aesKey: path.join(folder, "aes_key.dat"),
    owner: path.join(folder, "owner.json"),
  };
}

/** Which app of which instance sees the files. */
export interface Placement {
  key: string;
  name: string;
  instance: string;
  /** Root of the stack that the instance belongs to; undefined: of the same stack as the files. */
  instanceRoot?: string;
  appName: string;
}

/** Links inside the instance's storage, as NocoBase 2.2 names them: [link, target]. */
export function linksOf(root: string, placement: Placement): [string, string][] {
  const { storage } = instanceLayout(placement.instanceRoot ?? root, placement.instance);
  const files = filesLayout(root, placement.name);
  return [
    [path.join(storage, "uploads", placement.key), files.uploads],
    [path.join(storage, "backups", placement.appName), files.backups],
    [path.join(storage, "apps", placement.appName, "aes_key.dat"), files.aesKey],
  ];
}
