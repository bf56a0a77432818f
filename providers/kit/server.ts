/**
 * Serves a {@link ProviderDefinition} over Pulumi's provider protocol.
 *
 * Not on `@pulumi/pulumi/provider`'s own server: as of 3.248 that one has no provider configuration, no
 * detailed diff and no preview of updates, and prints stack traces; a user would see all four.
 */
import { setMaxListeners } from "node:events";
import * as grpc from "@grpc/grpc-js";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, type JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { EngineLog } from "./engine-log";
import { replyFor } from "./errors";
import { UNKNOWN } from "./types";
import type { CheckOutcome, Context, DiffOutcome, Props, ProviderDefinition, ResourceHandler } from "./types";
import {
  changedPaths,
  unwrapSecrets,
  withoutUndefined,
  wrapSecrets,
  type Plain,
  type SecretPaths,
} from "./values";

type Call<T> = grpc.ServerUnaryCall<T, unknown>;

function read(struct: Struct | undefined): Plain {
  return unwrapSecrets(struct?.toJavaScript() ?? {});
}

function write(props: Props, secrets: SecretPaths): Struct {
  const wire = wrapSecrets(withoutUndefined(props), secrets);
  return Struct.fromJavaScript(wire as Record<string, JavaScriptValue>);
}

/** `Provider` for handlers: finds the handler of a URN and translates both ways. */
class Server {
  private readonly abort = new AbortController();
  private config: Props = {};

  constructor(
    private readonly definition: ProviderDefinition,
    private readonly log: EngineLog,
  ) {
    // One for each request under way, and the engine has many.
    setMaxListeners(0, this.abort.signal);
  }

  checkConfig(request: proto.CheckRequest): proto.CheckResponse {
    const [olds, news] = [read(request.getOlds()), read(request.getNews())];
    const outcome = this.definition.checkConfig?.(news.value, olds.value) ?? { inputs: news.value };
    return checkReply(outcome, news.secrets);
  }

  diffConfig(request: proto.DiffRequest): proto.DiffResponse {
    const [olds, news] = [
      read(request.getOldInputs() ?? request.getOlds()).value,
      read(request.getNews()).value,
    ];
    return diffReply(this.definition.diffConfig?.(olds, news) ?? inPlace(olds, news));
  }

  async configure(request: proto.ConfigureRequest): Promise<proto.ConfigureResponse> {
    this.config = read(request.getArgs()).value;
    await this.definition.configure?.(this.config);
    const response = new proto.ConfigureResponse();
    response.setAcceptsecrets(true);
    response.setSupportspreview(true);
    return response;
  }

  async invoke(request: proto.InvokeRequest): Promise<proto.InvokeResponse> {
    const run = this.definition.functions?.[request.getTok()];
    if (!run) throw new Error(this.unsupported("function", request.getTok()));
    const args = read(request.getArgs());
    const response = new proto.InvokeResponse();
    response.setReturn(write(await run(args.value, this.config), []));
    return response;
  }

  async check(request: proto.CheckRequest): Promise<proto.CheckResponse> {
    const { handler, context } = this.resource(request.getUrn());
    const [olds, news] = [read(request.getOlds()), read(request.getNews())];
    const before = request.getOlds() ? olds.value : undefined;
    const outcome = (await handler.check?.(news.value, before, context)) ?? { inputs: news.value };
    return checkReply(outcome, handler.secretLists ? wholeLists(news.secrets) : news.secrets);
  }

  async diff(request: proto.DiffRequest): Promise<proto.DiffResponse> {
    const { handler, context } = this.resource(request.getUrn());
    context.ignoreChanges = request.getIgnorechangesList();
    const olds = read(request.getOlds()).value;
    const oldInputs = read(request.getOldInputs() ?? request.getOlds()).value;
    const news = read(request.getNews()).value;
    const outcome =
      (await handler.diff?.(request.getId(), olds, news, context, oldInputs)) ?? inPlace(oldInputs, news);
    return diffReply(outcome);
  }

  async create(request: proto.CreateRequest): Promise<proto.CreateResponse> {
    const { handler, context } = this.resource(request.getUrn(), request.getTimeout());
    const inputs = read(request.getProperties());
    const secrets = outputSecrets(handler, inputs.secrets);
    const response = new proto.CreateResponse();
    if (request.getPreview()) {
      const computed = Object.fromEntries((handler.computed ?? []).map((name) => [name, UNKNOWN]));
      const shown = (await handler.preview?.(inputs.value, context)) ?? { ...inputs.value, ...computed };
      response.setProperties(write(shown, secrets));
      return response;
    }
    const created = await handler.create(inputs.value, context).catch((error: unknown) => {
      throw replyFor(error, (props) => write(props, secrets));
    });
    response.setId(created.id);
    response.setProperties(write(created.outputs, secrets));
    return response;
  }

  async read(request: proto.ReadRequest): Promise<proto.ReadResponse> {
    const { handler, context } = this.resource(request.getUrn());
    const [state, inputs] = [read(request.getProperties()), read(request.getInputs())];
    const response = new proto.ReadResponse();
    if (!handler.read) {
      response.setId(request.getId());
      response.setProperties(request.getProperties());
      response.setInputs(request.getInputs());
      return response;
    }
    const secrets = outputSecrets(handler, [...state.secrets, ...inputs.secrets]);
    const found = await handler
      .read(request.getId(), state.value, context, inputs.value)
      .catch((error: unknown) => {
        throw replyFor(error, (props) => write(props, secrets));
      });
    if (found.id === undefined) return response;
    response.setId(found.id);
    response.setProperties(write(found.outputs, secrets));
    response.setInputs(write(found.inputs, [...secrets, ...inputs.secrets]));
    return response;
  }

  async update(request: proto.UpdateRequest): Promise<proto.UpdateResponse> {
    const { handler, context } = this.resource(request.getUrn(), request.getTimeout());
    context.ignoreChanges = request.getIgnorechangesList();
    const [olds, news] = [read(request.getOlds()), read(request.getNews())];
    const secrets = outputSecrets(handler, [...olds.secrets, ...news.secrets]);
    const response = new proto.UpdateResponse();
    if (request.getPreview()) {
      const shown = (await handler.preview?.(news.value, context, olds.value)) ?? {
        ...olds.value,
        ...news.value,
      };
      response.setProperties(write(shown, secrets));
      return response;
    }
    if (!handler.update) throw new Error(`${request.getUrn()} has no update in place`);
    const outputs = await handler
      .update(request.getId(), olds.value, news.value, context)
      .catch((error: unknown) => {
        throw replyFor(error, (props) => write(props, secrets));
      });
    response.setProperties(write(outputs, secrets));
    return response;
  }

  async delete(request: proto.DeleteRequest): Promise<Empty> {
    const { handler, context } = this.resource(request.getUrn(), request.getTimeout());
    await handler.delete?.(request.getId(), read(request.getProperties()).value, context);
    return new Empty();
  }

  getSchema(): proto.GetSchemaResponse {
    const response = new proto.GetSchemaResponse();
    response.setSchema(this.definition.schema);
    return response;
  }

  getPluginInfo(): PluginInfo {
    const info = new PluginInfo();
    info.setVersion(this.definition.version);
    return info;
  }

  cancel(): Empty {
    this.abort.abort(new Error("cancelled"));
    this.definition.cancel?.();
    return new Empty();
  }

  private resource(urn: string, timeoutSeconds = 0): { handler: ResourceHandler; context: Context } {
    const type = urn.split("::")[2]?.split("$").pop() ?? "";
    const handler = this.definition.resources[type] ?? this.definition.otherResources?.find(type);
    if (!handler) throw new Error(this.unsupported("resource type", type));
    const say = (severity: "info" | "warning", message: string, ephemeral = false) => {
      this.log.send(severity, urn, message, ephemeral);
    };
    const context: Context = {
      urn,
      name: urn.split("::").slice(3).join("::"),
      config: this.config,
      timeoutSeconds: timeoutSeconds > 0 ? timeoutSeconds : undefined,
      signal: this.abort.signal,
      status: (message) => say("info", message, true),
      info: (message) => say("info", message),
      warn: (message) => say("warning", message),
    };
    return { handler, context };
  }

  private unsupported(kind: string, name: string): string {
    const { name: plugin, remedy, resources, otherResources } = this.definition;
    const known = [...Object.keys(resources).sort(), otherResources?.description ?? []].flat().join(", ");
    return `${kind} ${name} is not supported by this ${plugin} plugin; it has ${known}.${remedy ? ` ${remedy}` : ""}`;
  }
}

/** A list with a secret in it is secret as a whole: outputs may hold its items in another order. */
function wholeLists(secrets: SecretPaths): SecretPaths {
  return secrets.map((path) => {
    const index = path.findIndex((key) => /^\d+$/.test(key));
    return index > 0 ? path.slice(0, index) : path;
  });
}

function outputSecrets(handler: ResourceHandler, inputs: SecretPaths): SecretPaths {
  const lists = wholeLists(inputs);
  const copies = (handler.inputCopies ?? []).flatMap((name) => lists.map((path) => [name, ...path]));
  return [...lists, ...copies, ...(handler.secretOutputs ?? []).map((name) => [name])];
}

function inPlace(olds: Props, news: Props): DiffOutcome {
  return { changes: changedPaths(olds, news).map((path) => ({ path })) };
}

function checkReply(outcome: CheckOutcome, secrets: SecretPaths): proto.CheckResponse {
  const response = new proto.CheckResponse();
  response.setInputs(write(outcome.inputs, secrets));
  response.setFailuresList(
    (outcome.failures ?? []).map(({ property, reason }) => {
      const failure = new proto.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}

function diffReply(outcome: DiffOutcome): proto.DiffResponse {
  const { Kind } = proto.PropertyDiff;
  const kinds = {
    add: [Kind.ADD, Kind.ADD_REPLACE],
    update: [Kind.UPDATE, Kind.UPDATE_REPLACE],
    delete: [Kind.DELETE, Kind.DELETE_REPLACE],
  } as const;
  const { DIFF_NONE, DIFF_SOME } = proto.DiffResponse.DiffChanges;
  const response = new proto.DiffResponse();
  response.setChanges(outcome.changes.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setHasdetaileddiff(true);
  response.setDeletebeforereplace(outcome.deleteBeforeReplace ?? false);
  response.setStablesList(outcome.stables ?? []);
  const topLevel = (path: string) => path.split(/[.[]/)[0] ?? path;
  const unique = (paths: string[]) => [...new Set(paths.map(topLevel))];
  response.setDiffsList(unique(outcome.changes.map((change) => change.path)));
  response.setReplacesList(
    unique(outcome.changes.filter((change) => change.replace).map((change) => change.path)),
  );
  for (const change of outcome.changes) {
    const detail = new proto.PropertyDiff();
    detail.setKind(kinds[change.kind ?? "update"][change.replace ? 1 : 0]);
    detail.setInputdiff(change.inputDiff ?? true);
    response.getDetaileddiffMap().set(change.path, detail);
  }
  return response;
}

/** Ends this process when the engine that started it is gone, so a killed `up` leaves nobody working on the fleet. */
function endWithEngine(): void {
  const engine = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== engine) process.exit(1);
  }, 500);
  watch.unref();
}

/** Starts the plugin: listens on a free loopback port and prints it, as the engine expects. */
export function serve(definition: ProviderDefinition): void {
  endWithEngine();
  const log = new EngineLog();
  const engineAddress = process.argv.slice(2).find((argument) => /^[\w.-]+:\d+$/.test(argument));
  if (engineAddress) log.connect(engineAddress);
  const server = new Server(definition, log);

  const unary =
    <Request, Response>(handle: (request: Request) => Response | Promise<Response>) =>
    (call: Call<Request>, callback: grpc.sendUnaryData<Response>) => {
      Promise.resolve()
        .then(() => handle(call.request))
        .then(
          (response) => callback(null, response),
          (error: unknown) => callback(replyFor(error)),
        );
    };

  const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const rpc = new grpc.Server(unlimited);
  rpc.addService(ResourceProviderService, {
    getSchema: unary(() => server.getSchema()),
    getPluginInfo: unary(() => server.getPluginInfo()),
    checkConfig: unary((request: proto.CheckRequest) => server.checkConfig(request)),
    diffConfig: unary((request: proto.DiffRequest) => server.diffConfig(request)),
    configure: unary((request: proto.ConfigureRequest) => server.configure(request)),
    invoke: unary((request: proto.InvokeRequest) => server.invoke(request)),
    check: unary((request: proto.CheckRequest) => server.check(request)),
    diff: unary((request: proto.DiffRequest) => server.diff(request)),
    create: unary((request: proto.CreateRequest) => server.create(request)),
    read: unary((request: proto.ReadRequest) => server.read(request)),
    update: unary((request: proto.UpdateRequest) => server.update(request)),
    delete: unary((request: proto.DeleteRequest) => server.delete(request)),
    cancel: unary(() => server.cancel()),
  });
  rpc.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(port);
  });
}
