import * as grpc from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { PartialFailure, type Props } from "./types";

/** An error as gRPC carries it. */
export class Reply extends Error {
  constructor(
    message: string,
    readonly code: grpc.status,
    readonly metadata = new grpc.Metadata(),
  ) {
    super(message);
  }
}

/**
 * Turns what a handler threw into a reply: its message alone, no stack. A {@link PartialFailure} carries the
 * state along, so the engine keeps the resource.
 */
export function replyFor(error: unknown, write?: (props: Props) => Struct): Reply {
  if (error instanceof Reply) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (process.env.NOCOBASE_FLEET_DEBUG && error instanceof Error) console.error(error.stack);
  if (!(error instanceof PartialFailure) || !write) return new Reply(message, grpc.status.UNKNOWN);
  const detail = new ErrorResourceInitFailed();
  detail.setId(error.id);
  detail.setProperties(write(error.outputs));
  detail.setReasonsList([message]);
  const packed = new Any();
  packed.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage(message);
  status.addDetails(packed);
  const metadata = new grpc.Metadata();
  // The header in which Go's gRPC looks for structured error details.
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return new Reply(message, grpc.status.UNKNOWN, metadata);
}
