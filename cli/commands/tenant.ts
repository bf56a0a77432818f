import * as fs from "node:fs";
import * as path from "node:path";
import { formatFaults } from "../../config/faults";
import { parseStackFile, readStackFile } from "../../config/stack-file";
import { listed, suggest } from "../../config/suggest";
import { projectDirectory } from "../../toolchain/project";
import { ExitCode, UserError } from "../exit-codes";

export interface NewTenantOptions {
  environment: string;
  app: readonly string[];
  platform: string;
}

/** `fleet tenant new NAME`: a commented stack file for a tenant; never over one that is there. */
export function newTenant(name: string, options: NewTenantOptions): void {
  const projectDir = projectDirectory();
  const { environment, app: apps, platform } = options;
  if (!/^[a-z](?:[a-z0-9-]*[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `"${name}" can't be a tenant's name: it becomes part of host names, so write a-z first, then a-z, 0-9 and inner hyphens`,
      ExitCode.usage,
    );
  }
  checkEnvironment(projectDir, platform, environment);
  const file = `Pulumi.${name}.yaml`;
  const text = tenantFile(platform, environment, apps);
  const { faults } = parseStackFile({ text, file, stack: name });
  if (faults) throw new UserError(formatFaults(faults, `a stack file of these`), ExitCode.usage);
  try {
    fs.writeFileSync(path.join(projectDir, file), text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new UserError(`${file} is there already and was left as it is; edit it, or choose another name`);
  }
  console.log(
    `Wrote ${file}. See what it would do: fleet preview --stack ${name}; make it so: fleet up --stack ${name}`,
  );
}

/** The platform's file may be in another repository; then only a preview can tell. */
function checkEnvironment(projectDir: string, platform: string, environment: string): void {
  const file = path.join(projectDir, `Pulumi.${platform}.yaml`);
  if (!fs.existsSync(file)) return;
  const { spec } = readStackFile(file);
  if (!spec) return;
  if (spec.platformStack !== undefined) {
    throw new UserError(
      `stack ${platform} is a tenant's itself, on ${spec.platformStack}; write --platform ${spec.platformStack}`,
      ExitCode.usage,
    );
  }
  const names = Object.keys(spec.environments);
  if (names.includes(environment)) return;
  const meant = suggest(environment, names);
  throw new UserError(
    `platform stack ${platform} has no environment "${environment}"; it has ${listed(names)}` +
      (meant ? `. Did you mean "${meant}"?` : ""),
    ExitCode.usage,
  );
}

function tenantFile(platform: string, environment: string, apps: readonly string[]): string {
  const declared = apps.map(
    (app) => `    ${app}:
      title: ${titleOf(app)}
      environment: ${environment}
`,
  );
  return `# yaml-language-server: $schema=config/schema.json
#
# A tenant's apps on platform stack ${platform}. Preview: fleet preview --stack <this stack>. Keys: docs/configuration.md.
config:
  # The stack that has the environments, database servers and the gateway. Only apps are declared here.
  nocobase-fleet:platformStack: ${platform}

  # What becomes of databases and files of apps that leave this file: \`protect\` refuses to remove them; \`backup\`
  # takes a verified dump and an archive first; \`retain\` leaves them in place; \`delete\` drops them.
  nocobase-fleet:deletion: protect

  # A key is an app's identity. With this stack's name before it, it is also its host: <stack>-<key>.<domain>.
  nocobase-fleet:apps:
    # Runs in the process of that environment. \`isolation: dedicated\` instead of \`environment\` gives it a process of
    # its own and keeps its data.
${declared.join("")}
  # A PostgreSQL server of the tenant's own, for all apps above that name no other:
  # nocobase-fleet:databaseServers:
  #   own: { kind: managed }
`;
}

/** `customer-portal` → `Customer portal` */
function titleOf(app: string): string {
  const words = app.replaceAll("-", " ");
  return JSON.stringify(words.charAt(0).toUpperCase() + words.slice(1));
}
