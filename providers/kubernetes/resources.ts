/** Pulumi resources of the `nocobase-kubernetes` provider: what lies inside the pods and volumes of the kubernetes provider. */
import * as pulumi from "@pulumi/pulumi";
import type { DeletionPolicy } from "../../plan/types";
import type { DatabaseConnection } from "../../platforms/types";
import type { InstanceAddress } from "./instance-pods";

export interface AppFilesArgs {
  /** Key of the app; the subfolder of its uploads. */
  key: pulumi.Input<string>;
  /** Name of its backups: `app-crm`. */
  name: pulumi.Input<string>;
  /** Of the instance that serves the app. */
  address: pulumi.Input<InstanceAddress>;
  /** The app's name inside that instance: `main`, or its key where it is shared. */
  appName: pulumi.Input<string>;
  /** NocoBase version that the app runs with. */
  release: pulumi.Input<string>;
  /** NocoBase's image. */
  image: pulumi.Input<string>;
  /** Names of Secrets that the image is pulled with. */
  pullSecrets: pulumi.Input<string[]>;
  /** 64 hex digits; kept for ever. */
  aesKey: pulumi.Input<string>;
  deletion: pulumi.Input<DeletionPolicy>;
  /** Of the app's own role. */
  database: pulumi.Input<{
    [Key in keyof DatabaseConnection]: pulumi.Input<pulumi.Unwrap<DatabaseConnection[Key]>>;
  }>;
}

/** An app's files, and their guard: with `backup` its deletion takes a verified dump into the volume first. */
export class AppFiles extends pulumi.CustomResource {
  constructor(name: string, args: AppFilesArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-kubernetes:index:AppFiles", name, { ...args }, opts);
  }
}

export interface InstanceArgs {
  name: pulumi.Input<string>;
  address: pulumi.Input<InstanceAddress>;
  key: pulumi.Input<string>;
  title: pulumi.Input<string>;
  hostsApps: pulumi.Input<boolean>;
  rootEmail: pulumi.Input<string>;
  rootPassword: pulumi.Input<string>;
  /** Id of its Deployment. */
  deployment: pulumi.Input<string>;
}

/** What is set up inside a running NocoBase that hosts apps: sign-in, title, upload folder, the multi-app manager. */
export class Instance extends pulumi.CustomResource {
  constructor(name: string, args: InstanceArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-kubernetes:index:Instance", name, { ...args, settled: undefined }, opts);
  }
}

export interface ServerGuardArgs {
  /** Key of the database server. */
  server: pulumi.Input<string>;
  address: pulumi.Input<InstanceAddress>;
  /** PostgreSQL's major version. */
  version: pulumi.Input<number>;
  /** Of each instance's volume. */
  size: pulumi.Input<string>;
  /** Empty for the cluster's default. */
  storageClass: pulumi.Input<string>;
}

/** Keeps a database server that still holds databases, and refuses in the preview what can't change. */
export class ServerGuard extends pulumi.CustomResource {
  constructor(name: string, args: ServerGuardArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase-kubernetes:index:ServerGuard", name, { ...args }, opts);
  }
}
