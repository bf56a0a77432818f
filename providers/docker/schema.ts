import { any, flag, integer, resource, secret, text, texts, variables } from "../kit/schema";

const running = { running: flag("Whether it runs and is healthy.") };
const host = { host: text("Address of the daemon, unix:// or tcp://. Default: DOCKER_HOST.") };

/** Pulumi package schema of the provider. */
export const schema = {
  name: "nocobase-docker",
  version: "0.1.0",
  description: "What lies inside the containers and volumes of a fleet in Docker.",
  config: { variables: host },
  provider: { inputProperties: host },
  resources: {
    "nocobase-docker:index:VolumeFiles": resource("Files in a volume that containers read.", {
      volume: text("Name of the volume."),
      image: text("Image with Node that helps to write."),
      owner: integer("Number of the one user who may read them."),
      files: { ...variables("By path."), secret: true },
    }),
    "nocobase-docker:index:AppFiles": resource(
      "An app's uploads and AES key in the volume of its instance, and the guard of its data.",
      {
        key: text("Key of the app."),
        name: text("Name of its backups."),
        volume: text("Storage volume of the instance that serves it."),
        volumeStack: text("<project>/<stack> that the volume belongs to; this stack by default."),
        appName: text("Its name inside that instance."),
        release: text("NocoBase version that it runs with."),
        image: text("Image with Node and PostgreSQL's clients."),
        owner: integer("Number of the user that NocoBase runs as."),
        network: text("Network on which the database answers."),
        backupRoot: text("Folder of this machine that backups go to."),
        aesKey: secret("64 hex digits."),
        deletion: text("protect, backup, retain or delete."),
        database: any("Connection of the app's own role, as containers reach it."),
      },
      ["volumeStack"],
    ),
    "nocobase-docker:index:Service": resource(
      "Keeps the containers of a part running.",
      { name: text("Name of the part."), containers: texts("Their ids.") },
      [],
      running,
    ),
    "nocobase-docker:index:Server": resource(
      "Keeps a PostgreSQL server running, and from being removed with databases in it.",
      {
        name: text("Name of the server."),
        containers: texts("Id of its container."),
        volume: text("Volume of its data."),
        port: integer("Port on the loopback address."),
        adminUser: text("Administrator."),
        adminPassword: secret("The administrator's password."),
      },
      [],
      running,
    ),
    "nocobase-docker:index:Instance": resource(
      "What is set up inside a running NocoBase.",
      {
        name: text("Name of the instance."),
        container: text("Id of its first container."),
        host: text("Where it answers on this machine."),
        port: integer("Its port there."),
        key: text("Key of the entry app, environment or app."),
        title: text("Title shown on its own pages."),
        hostsApps: flag("Whether the multi-app manager is switched on."),
        rootEmail: text("Sign-in of the root user."),
        rootPassword: secret("Password of the root user."),
      },
      [],
      running,
    ),
    "nocobase-docker:index:GatewayConfig": resource("The gateway's program and routes.", {
      volume: text("Volume that the gateway's containers read."),
      image: text("Image with Node that helps to write."),
      container: text("Name of the container that routes."),
      address: any("Where the gateway answers on this machine."),
      table: any("The routing table."),
      proxy: text("Configuration of the proxy before it."),
      program: text("Says which program it is."),
    }),
    "nocobase-docker:index:TenantRoutes": resource("A tenant's routes in its platform's gateway.", {
      stack: text("The tenant's stack."),
      container: text("Container of the platform stack's gateway."),
      address: any("Where that gateway answers on this machine."),
      routes: any("The routes."),
    }),
    "nocobase-docker:index:NetworkPeers": resource(
      "Containers of the platform stack on a network of a tenant's own.",
      { network: text("Name of the network."), peers: texts("Names of the containers.") },
    ),
  },
};
