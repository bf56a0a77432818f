import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export type Severity = "debug" | "info" | "warning" | "error";

/** Sends diagnostics to the engine, which shows them beside the resource they belong to. */
export class EngineLog {
  private client: EngineClient | undefined;

  connect(address: string): void {
    this.client ??= new EngineClient(address, grpc.credentials.createInsecure());
  }

  /** @param ephemeral shown as the resource's status while it is worked on, then forgotten */
  send(severity: Severity, urn: string, message: string, ephemeral = false): void {
    if (!this.client) return;
    const request = new LogRequest();
    const severities = {
      debug: LogSeverity.DEBUG,
      info: LogSeverity.INFO,
      warning: LogSeverity.WARNING,
      error: LogSeverity.ERROR,
    };
    request.setSeverity(severities[severity]);
    request.setUrn(urn);
    request.setMessage(message);
    request.setEphemeral(ephemeral);
    // A lost status line must not fail the operation it speaks of.
    this.client.log(request, () => undefined);
  }
}
