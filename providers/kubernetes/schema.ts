import { any, flag, resource, secret, text, texts } from "../kit/schema";

const address = { address: any("Namespace of the instance, and the kubeconfig's context.") };

/** Pulumi package schema of the provider. */
export const schema = {
  name: "nocobase-kubernetes",
  version: "0.1.0",
  description: "What lies inside the pods and volumes of a fleet in Kubernetes.",
  resources: {
    "nocobase-kubernetes:index:AppFiles": resource(
      "An app's files in the volume of its instance, and the guard of its data.",
      {
        key: text("Key of the app."),
        name: text("Name of its backups."),
        ...address,
        appName: text("Its name inside that instance."),
        release: text("NocoBase version."),
        image: text("NocoBase's image."),
        pullSecrets: texts("Names of pull secrets."),
        aesKey: secret("64 hex digits."),
        deletion: text("protect, backup, retain or delete."),
        database: any("Connection of the app's own role."),
      },
    ),
    "nocobase-kubernetes:index:Instance": resource(
      "What is set up inside a running NocoBase that hosts apps.",
      {
        name: text("Name of the instance."),
        ...address,
        key: text("Key of the entry app or environment."),
        title: text("Title shown on its own pages."),
        hostsApps: flag("Whether the multi-app manager is switched on."),
        rootEmail: text("Sign-in of the root user."),
        rootPassword: secret("Password of the root user."),
        deployment: text("Id of its Deployment."),
      },
      [],
      { settled: flag("Whether all of it was done.") },
    ),
    "nocobase-kubernetes:index:ServerGuard": resource("Keeps a database server that still holds databases.", {
      server: text("Key of the database server."),
      ...address,
      version: any("PostgreSQL's major version."),
      size: text("Size of each instance's volume."),
      storageClass: text("Storage class; empty for the cluster's default."),
    }),
  },
};
