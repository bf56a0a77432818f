/** The LanguageRuntime service that the engine talks to. */
import * as fs from "node:fs";
import * as path from "node:path";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { version as sdkVersion } from "@pulumi/pulumi/package.json";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { readOptions, type RuntimeOptions } from "./options";
import { runPolicyPack } from "./policy-pack";
import { programDependencies, requiredPlugins } from "./packages";
import { runProgram, type RunningProgram } from "./program";

/** What the official host offers beyond running programs, and this one does not. */
const UNSUPPORTED = ["generateProgram", "generateProject", "generatePackage", "pack", "link"];

function programOf(info: proto.ProgramInfo | undefined, fallback: string): string {
  const folder = info?.getProgramDirectory();
  return folder === undefined || folder === "" ? fallback : folder;
}

function optionsOf(info: proto.ProgramInfo | undefined): RuntimeOptions {
  return readOptions(info?.getOptions()?.toJavaScript() ?? {});
}

class Host {
  private readonly running = new Set<RunningProgram>();

  constructor(private engine: string) {}

  handshake(request: proto.LanguageHandshakeRequest): proto.LanguageHandshakeResponse {
    this.engine = request.getEngineAddress();
    return new proto.LanguageHandshakeResponse();
  }

  getPluginInfo(): PluginInfo {
    const info = new PluginInfo();
    info.setVersion(sdkVersion);
    return info;
  }

  about(): proto.AboutResponse {
    const response = new proto.AboutResponse();
    response.setExecutable(process.execPath);
    response.setVersion(process.version);
    return response;
  }

  getRequiredPackages(request: proto.GetRequiredPackagesRequest): proto.GetRequiredPackagesResponse {
    const response = new proto.GetRequiredPackagesResponse();
    response.setPackagesList(
      requiredPlugins(programOf(request.getInfo(), process.cwd())).map((plugin) => {
        const dependency = new PackageDependency();
        dependency.setName(plugin.name);
        dependency.setKind("resource");
        dependency.setVersion(plugin.version);
        dependency.setServer(plugin.server);
        return dependency;
      }),
    );
    return response;
  }

  getProgramDependencies(request: proto.GetProgramDependenciesRequest): proto.GetProgramDependenciesResponse {
    const response = new proto.GetProgramDependenciesResponse();
    const folder = programOf(request.getInfo(), process.cwd());
    response.setDependenciesList(
      programDependencies(folder, request.getTransitivedependencies()).map(({ name, version }) => {
        const dependency = new proto.DependencyInfo();
        dependency.setName(name);
        dependency.setVersion(version);
        return dependency;
      }),
    );
    return response;
  }

  async run(
    request: proto.RunRequest,
    onCancelled: (cancel: () => void) => void,
  ): Promise<proto.RunResponse> {
    const response = new proto.RunResponse();
    try {
      if (request.getAttachDebugger()) {
        throw new Error(
          "This language host can't attach a debugger. Use `nodeargs: --inspect-brk` in Pulumi.yaml.",
        );
      }
      const program = runProgram(request, this.engine, optionsOf(request.getInfo()));
      this.running.add(program);
      onCancelled(() => program.cancel());
      const outcome = await program.outcome;
      this.running.delete(program);
      response.setError(outcome.error);
      response.setBail(outcome.bail);
    } catch (error) {
      response.setError(error instanceof Error ? error.message : String(error));
    }
    return response;
  }

  cancel(): Empty {
    this.running.forEach((program) => program.cancel());
    return new Empty();
  }
}

/** `pulumi install`: npm from the lockfile where there is one. */
function installDependencies(
  call: grpc.ServerWritableStream<proto.InstallDependenciesRequest, proto.InstallDependenciesResponse>,
): void {
  const fail = (message: string): void => {
    call.emit("error", { code: grpc.status.UNKNOWN, details: message });
  };
  const folder = programOf(call.request.getInfo(), call.request.getDirectory());
  let options: RuntimeOptions;
  try {
    options = optionsOf(call.request.getInfo());
  } catch (error) {
    fail((error as Error).message);
    return;
  }
  const locked = fs.existsSync(path.join(folder, "package-lock.json"));
  const args = [locked ? "ci" : "install", "--loglevel=error", ...(options.production ? ["--omit=dev"] : [])];
  const npm = spawn("npm", args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const send = (fill: (response: proto.InstallDependenciesResponse) => void): void => {
    const response = new proto.InstallDependenciesResponse();
    fill(response);
    call.write(response);
  };
  npm.stdout.on("data", (chunk: Buffer) => send((response) => response.setStdout(chunk)));
  npm.stderr.on("data", (chunk: Buffer) => send((response) => response.setStderr(chunk)));
  call.once("cancelled", () => npm.kill("SIGTERM"));
  npm.once("error", (error) => fail(`npm can't be started: ${error.message}`));
  npm.once("close", (code) => {
    if (code === 0) call.end();
    else fail(`\`npm ${args.join(" ")}\` in ${folder} ended with code ${code ?? "unknown"}`);
  });
}

/**
 * Starts the host on a free loopback port and prints that port, as the engine expects. It ends with the engine.
 * @param args the engine's: flags first (ignored but `--version`), then its own address
 */
export function serve(args: readonly string[]): void {
  if (args.some((argument) => /^--?version$/.test(argument))) {
    console.log(`v${sdkVersion}`);
    return;
  }
  const host = new Host(args.find((argument) => /^[\w.-]+:\d+$/.test(argument)) ?? "");
  void endWithEngine(host);

  const unary =
    <Request, Response>(
      handle: (request: Request, call: grpc.ServerUnaryCall<Request, Response>) => unknown,
    ) =>
    (call: grpc.ServerUnaryCall<Request, Response>, callback: grpc.sendUnaryData<Response>): void => {
      Promise.resolve()
        .then(() => handle(call.request, call))
        .then(
          (response) => callback(null, response as Response),
          (error: unknown) =>
            callback({
              code: grpc.status.UNKNOWN,
              details: error instanceof Error ? error.message : String(error),
            }),
        );
    };
  const unsupported = UNSUPPORTED.map((name) => [
    name,
    (
      call: grpc.ServerUnaryCall<unknown, unknown> & Partial<grpc.ServerWritableStream<unknown, unknown>>,
      reply?: grpc.sendUnaryData<unknown>,
    ) => {
      const error = {
        code: grpc.status.UNIMPLEMENTED,
        details: `The project's own language host runs programs and policy packs only (${name}). Install the official Pulumi CLI for this.`,
      };
      if (reply) reply(error);
      else call.emit("error", error);
    },
  ]);

  const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const server = new grpc.Server(unlimited);
  server.addService(LanguageRuntimeService, {
    ...(Object.fromEntries(unsupported) as grpc.UntypedServiceImplementation),
    handshake: unary((request: proto.LanguageHandshakeRequest) => host.handshake(request)),
    getPluginInfo: unary(() => host.getPluginInfo()),
    about: unary(() => host.about()),
    getRequiredPackages: unary((request: proto.GetRequiredPackagesRequest) =>
      host.getRequiredPackages(request),
    ),
    getProgramDependencies: unary((request: proto.GetProgramDependenciesRequest) =>
      host.getProgramDependencies(request),
    ),
    run: unary((request: proto.RunRequest, call) =>
      host.run(request, (cancel) => call.once("cancelled", cancel)),
    ),
    runPlugin: runPolicyPack,
    installDependencies,
    runtimeOptionsPrompts: unary(() => new proto.RuntimeOptionsResponse()),
    template: unary(() => new proto.TemplateResponse()),
    cancel: unary(() => host.cancel()),
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(port);
  });
}

/** A killed engine can't say goodbye: without it, its program is ended too. */
async function endWithEngine(host: Host): Promise<void> {
  const engine = process.ppid;
  while (process.ppid === engine) await sleep(500, undefined, { ref: false });
  host.cancel();
  await sleep(1000);
  process.exit(1);
}
