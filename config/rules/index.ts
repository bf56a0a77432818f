/** Every rule that looks at more than one field. Each reports all that it finds; none depends on another. */
import { hosts, ports, servers } from "./addresses";
import type { Rule } from "./context";
import { cloudnativepg } from "./cloudnativepg";
import { dockerOnly, imagePins, reachableServers, registries } from "./docker";
import { connections, platform, releases, supervisor, topology } from "./fleet";
import { isolation } from "./isolation";
import { databases, instances, keys } from "./names";
import { databaseServers, environments, passwords, secretOwners } from "./references";
import { kubernetes } from "./kubernetes";
import { tenant } from "./tenant";
import { replicas } from "./replicas";
import { resources } from "./resources";
import { licenses, supervised } from "./official-supervisor";
import { plainVariables, secretVariables } from "./variables";

export const rules: readonly Rule[] = [
  tenant,
  platform,
  dockerOnly,
  reachableServers,
  registries,
  imagePins,
  kubernetes,
  cloudnativepg,
  topology,
  supervisor,
  supervised,
  licenses,
  releases,
  keys,
  environments,
  databaseServers,
  passwords,
  secretOwners,
  isolation,
  replicas,
  resources,
  plainVariables,
  secretVariables,
  databases,
  instances,
  connections,
  ports,
  hosts,
  servers,
];
