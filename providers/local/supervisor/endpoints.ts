/** Which processes of an instance take requests: what the gateway balances over. As Kubernetes' EndpointSlices. */
import * as path from "node:path";
import { PLAN_NAME } from "./layout";
import { readTextIfExists } from "../support/files";

/** One process of a service. */
export interface Endpoint {
  /** The unit's. */
  readonly name: string;
  /** `http://127.0.0.1:21034` */
  readonly url: string;
  /** Its health check says that it takes requests. */
  readonly ready: boolean;
  /** It is about to be stopped: it gets no new requests, whether or not others are ready. */
  readonly terminating: boolean;
}

/** File of one service's endpoints in their folder. */
export function endpointsFile(folder: string, service: string): string {
  return path.join(folder, `${service}.json`);
}

/** The endpoints of a service; undefined where nobody has told of any yet. */
export function readEndpoints(folder: string, service: string): Endpoint[] | undefined {
  if (!PLAN_NAME.test(service)) return undefined;
  const text = readTextIfExists(endpointsFile(folder, service));
  return text === undefined ? undefined : (JSON.parse(text) as { endpoints: Endpoint[] }).endpoints;
}
