/** Where an app's files lie: in the storage volume of the instance that serves it. */

export interface Placement {
  /** Key of the app; the subfolder of its uploads. */
  key: string;
  /** Volume of the instance. */
  volume: string;
  /** The app's name inside that instance: `main`, or its key where it is shared. */
  appName: string;
}

/** The three things of an app, relative to the volume: uploads, archives that users made, the key of encrypted fields. */
export function pathsOf({ key, appName }: Placement): Record<"uploads" | "backups" | "aes_key.dat", string> {
  return {
    uploads: `uploads/${key}`,
    backups: `backups/${appName}`,
    "aes_key.dat": `apps/${appName}/aes_key.dat`,
  };
}

export function samePlacement(a: Placement, b: Placement): boolean {
  return a.key === b.key && a.volume === b.volume && a.appName === b.appName;
}
