/** Speaks to a resource plugin as the engine does, call by call: for comparing what two plugins answer. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderClient } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";

export type Values = Record<string, unknown>;

export interface DiffAnswer {
  changes: "unknown" | "none" | "some";
  replaces: string[];
  diffs: string[];
  deleteBeforeReplace: boolean;
  /** Kind by path, e.g. `update-replace`; `(inputs)` follows where it is a difference of inputs. */
  detailed: Record<string, string>;
}

const KINDS = ["add", "add-replace", "delete", "delete-replace", "update", "update-replace"];

/** A plugin process that has been started, configured and is ready for calls. */
export class PluginClient {
  private constructor(
    private readonly process: ChildProcess,
    private readonly client: ResourceProviderClient,
    /** Milliseconds from start to the first answer. */
    readonly startup: number,
  ) {}

  static async start(executable: string, config: Values = {}): Promise<PluginClient> {
    const began = performance.now();
    const process = spawn(executable, ["127.0.0.1:1"], { stdio: ["ignore", "pipe", "inherit"] });
    const port = await new Promise<string>((resolve, reject) => {
      createInterface({ input: process.stdout }).once("line", resolve);
      process.once("error", reject);
      process.once("exit", (code) =>
        reject(new Error(`${executable} ended with ${code} before it listened`)),
      );
    });
    const client = new ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const plugin = new PluginClient(process, client, performance.now() - began);
    const check = new proto.CheckRequest();
    check.setUrn("urn:pulumi:test::test::pulumi:providers:plugin::p");
    check.setNews(struct(config));
    const checked = await plugin.call<proto.CheckResponse>("checkConfig", check);
    const request = new proto.ConfigureRequest();
    request.setArgs(checked.getInputs());
    request.setAcceptsecrets(true);
    request.setAcceptresources(true);
    request.setSendsOldInputs(true);
    await plugin.call("configure", request);
    return plugin;
  }

  async check(type: string, news: Values, olds: Values = {}, name = "r") {
    const request = new proto.CheckRequest();
    request.setUrn(urn(type, name));
    request.setOlds(struct(olds));
    request.setNews(struct(news));
    request.setRandomseed(Buffer.alloc(32, 1));
    const response = await this.call<proto.CheckResponse>("check", request);
    return {
      inputs: values(response.getInputs()),
      failures: response
        .getFailuresList()
        .map((failure) => ({ property: failure.getProperty(), reason: failure.getReason() })),
    };
  }

  async diff(
    type: string,
    args: { id: string; olds: Values; news: Values; oldInputs: Values },
  ): Promise<DiffAnswer> {
    const request = new proto.DiffRequest();
    request.setUrn(urn(type, "r"));
    request.setId(args.id);
    request.setOlds(struct(args.olds));
    request.setNews(struct(args.news));
    request.setOldInputs(struct(args.oldInputs));
    const response = await this.call<proto.DiffResponse>("diff", request);
    const detailed: [string, string][] = [];
    response.getDetaileddiffMap().forEach((diff: proto.PropertyDiff, path: string) => {
      detailed.push([path, `${KINDS[diff.getKind()] ?? "?"}${diff.getInputdiff() ? " (inputs)" : ""}`]);
    });
    return {
      changes: (["unknown", "none", "some"] as const)[response.getChanges()],
      replaces: [...new Set(response.getReplacesList())].sort(),
      diffs: [...new Set(response.getDiffsList())].sort(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
      detailed: Object.fromEntries(detailed.sort()),
    };
  }

  async create(type: string, inputs: Values, preview = false) {
    const request = new proto.CreateRequest();
    request.setUrn(urn(type, "r"));
    request.setProperties(struct(inputs));
    request.setPreview(preview);
    const response = await this.call<proto.CreateResponse>("create", request);
    return { id: response.getId(), outputs: values(response.getProperties()) };
  }

  async update(
    type: string,
    args: { id: string; olds: Values; news: Values; oldInputs: Values; preview?: boolean },
  ) {
    const request = new proto.UpdateRequest();
    request.setUrn(urn(type, "r"));
    request.setId(args.id);
    request.setOlds(struct(args.olds));
    request.setNews(struct(args.news));
    request.setOldInputs(struct(args.oldInputs));
    request.setPreview(args.preview ?? false);
    const response = await this.call<proto.UpdateResponse>("update", request);
    return values(response.getProperties());
  }

  async read(type: string, id: string, state: Values = {}, inputs: Values = {}) {
    const request = new proto.ReadRequest();
    request.setUrn(urn(type, "r"));
    request.setId(id);
    request.setProperties(struct(state));
    request.setInputs(struct(inputs));
    const response = await this.call<proto.ReadResponse>("read", request);
    return {
      id: response.getId(),
      outputs: values(response.getProperties()),
      inputs: values(response.getInputs()),
    };
  }

  async delete(type: string, id: string, outputs: Values): Promise<void> {
    const request = new proto.DeleteRequest();
    request.setUrn(urn(type, "r"));
    request.setId(id);
    request.setProperties(struct(outputs));
    await this.call("delete", request);
  }

  /** Ends the process. */
  stop(): void {
    this.client.close();
    this.process.kill("SIGKILL");
  }

  private call<Response>(method: string, request: unknown): Promise<Response> {
    type Unary = (
      request: unknown,
      done: (error: grpc.ServiceError | null, response: Response) => void,
    ) => void;
    const unary = (this.client as unknown as Record<string, Unary>)[method];
    if (!unary) throw new Error(`no method ${method}`);
    return new Promise((resolve, reject) => {
      unary.call(this.client, request, (error, response) =>
        error ? reject(new Error(error.details)) : resolve(response),
      );
    });
  }
}

function urn(type: string, name: string): string {
  return `urn:pulumi:test::test::${type}::${name}`;
}

function struct(value: Values): Struct {
  return Struct.fromJavaScript(value as Record<string, JavaScriptValue>);
}

function values(value: Struct | undefined): Values {
  return value?.toJavaScript() ?? {};
}
