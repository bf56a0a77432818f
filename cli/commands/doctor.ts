import { UserError, ExitCode } from "../exit-codes";
import { formatTable } from "../output/table";
import { readSpec } from "../session";
import {
  checkDisk,
  checkLimits,
  checkMemory,
  checkNode,
  checkPorts,
  checkPostgres,
  checkReleases,
  checkState,
  checkToolchain,
  type Finding,
} from "../doctor/checks";
import { checkDocker } from "../doctor/docker";
import { checkKubernetes } from "../doctor/kubernetes";
import { planFleet } from "../../plan/fleet";
import { defaultBackendUrl } from "../../toolchain/backend";
import { projectDirectory } from "../../toolchain/project";

/** `fleet doctor` */
export async function doctor(options: { stack: string; json?: boolean }): Promise<void> {
  const findings = await examine(projectDirectory(), options.stack);
  const failed = findings.some(({ result }) => result === "fail");
  if (options.json) console.log(JSON.stringify({ ok: !failed, findings }, null, 2));
  else {
    const rows = findings.map(({ check, result, found, fix }) => [
      result,
      check,
      fix ? `${found}\n→ ${fix}` : found,
    ]);
    console.log(formatTable(["", "check", "found"], rows));
  }
  process.exitCode = failed ? ExitCode.failed : ExitCode.ok;
}

async function examine(projectDir: string, stack: string): Promise<Finding[]> {
  const general = [checkNode(), ...(await checkToolchain()), checkDisk(projectDir)];
  const backendUrl = process.env.PULUMI_BACKEND_URL ?? defaultBackendUrl(projectDir);
  const state = checkState(projectDir, stack, backendUrl);
  try {
    const spec = readSpec(projectDir, stack);
    if (spec.platformStack !== undefined) {
      const found = `Pulumi.${stack}.yaml: tenant on ${spec.platformStack}`;
      return [...general, ...state, { check: "stack file", result: "ok", found }];
    }
    const plan = planFleet(spec);
    const local =
      plan.platform === "local"
        ? [
            ...checkPostgres(plan),
            ...checkReleases(plan),
            checkMemory(plan),
            ...checkLimits(plan),
            ...(await checkPorts(plan, projectDir)),
          ]
        : [];
    const docker = plan.platform === "docker" ? [checkMemory(plan), ...(await checkDocker(plan))] : [];
    const clusters = plan.platform === "kubernetes" ? await checkKubernetes(plan) : [];
    const file: Finding = {
      check: "stack file",
      result: "ok",
      found: `Pulumi.${stack}.yaml: ${plan.topology}`,
    };
    return [...general, ...state, file, ...local, ...docker, ...clusters];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const fix = `mend Pulumi.${stack}.yaml`;
    return [...general, ...state, { check: "stack file", result: "fail", found: error.message, fix }];
  }
}
