/** Pulumi resources of the `nocobase` provider: applications inside a NocoBase instance. */
import * as pulumi from "@pulumi/pulumi";
import type { AppState } from "../../plan/types";

export interface HostArgs {
  /** Address of the hosting instance, e.g. `http://127.0.0.1:21034`. */
  url: pulumi.Input<string>;
  /** Root user's e-mail and password on the hosting instance. */
  account: pulumi.Input<string>;
  password: pulumi.Input<string>;
  /** 64 hex digits: the host's APP_SUPERVISOR_AES_SECRET_KEY, so that database passwords are stored encrypted. */
  encryptionKey: pulumi.Input<string>;
  /** Where it runs in Kubernetes; it is then reached through the API server. */
  cluster?: pulumi.Input<{ context?: string; namespace: string }>;
}

export interface ApplicationDatabaseArgs {
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Made beforehand; the provider never creates or drops one. */
  name: pulumi.Input<string>;
  user: pulumi.Input<string>;
  password: pulumi.Input<string>;
  sslMode?: pulumi.Input<string>;
}

export interface ApplicationArgs {
  /** The hosting instance; another url moves the application there (replace, old one first). */
  host: pulumi.Input<HostArgs>;
  /** Name inside the host, `^[a-z][a-z0-9-]*$`; a change replaces. */
  name: pulumi.Input<string>;
  title: pulumi.Input<string>;
  /** Host name that NocoBase answers for this app, e.g. `crm.localhost`. */
  cname?: pulumi.Input<string>;
  /** `auto` starts with the host, `lazy` at the first visit. */
  startMode: pulumi.Input<"auto" | "lazy">;
  state: pulumi.Input<AppState>;
  database: pulumi.Input<ApplicationDatabaseArgs>;
  jwtSecret: pulumi.Input<string>;
  rootEmail: pulumi.Input<string>;
  rootNickname: pulumi.Input<string>;
  rootPassword: pulumi.Input<string>;
}

export interface DeclaredEnvironmentArgs {
  name: pulumi.Input<string>;
  /** Its role in the fleet's registry. */
  role: pulumi.Input<string>;
  title: pulumi.Input<string>;
  release: pulumi.Input<string>;
  url: pulumi.Input<string>;
}

export interface DeclaredAppArgs extends DeclaredEnvironmentArgs {
  isolation: pulumi.Input<string>;
  /** Null for a dedicated app. */
  environment: pulumi.Input<string> | null;
  state: pulumi.Input<AppState>;
}

export interface DeclarationArgs {
  /** The entry app. */
  host: pulumi.Input<Omit<HostArgs, "encryptionKey">>;
  /** What it declares is replaced as a whole. */
  stack: pulumi.Input<string>;
  environments: pulumi.Input<DeclaredEnvironmentArgs[]>;
  apps: pulumi.Input<DeclaredAppArgs[]>;
}

/** What a stack file says of its fleet, told to the entry app's control plane. */
export class Declaration extends pulumi.CustomResource {
  constructor(name: string, args: DeclarationArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase:index:Declaration", name, { ...args }, opts);
  }
}

/** A business app in shared memory; create and update wait until it answers. Deleting it leaves its database. */
export class Application extends pulumi.CustomResource {
  /** Address inside the host, e.g. `http://127.0.0.1:21034/apps/crm/`. */
  declare readonly url: pulumi.Output<string>;
  constructor(name: string, args: ApplicationArgs, opts?: pulumi.CustomResourceOptions) {
    super("nocobase:index:Application", name, { ...args, url: undefined }, opts);
  }
}
