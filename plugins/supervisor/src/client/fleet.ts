import { useAPIClient, type ApiClient } from "@nocobase/client";
import { useCallback, useEffect, useState } from "react";

/** How often the page looks: a change of a state is seen in this time and the half second it takes to come here. */
const LOOK_EVERY_MS = 1000;
const COMMANDS_SHOWN = 10;

export interface App {
  name: string;
  title: string;
  state: string;
  isolation: string;
  environmentName: string | null;
  release: string;
  url: string;
  replicas: number;
  lastError: string | null;
}

export interface Environment {
  name: string;
  title: string;
  state: string;
  release: string;
  url: string;
  memoryMiB: number | null;
  lastSeenAt: string | null;
}

export interface Command {
  requestId: string;
  app: string;
  action: string;
  requestedBy: string;
  requestedAt: string;
  outcome: string;
  error: string | null;
}

export interface AppRequest {
  requestId: string;
  action: string;
  app: string;
  requestedBy: string;
  requestedAt: string;
  state: string;
  answer: string | null;
}

export interface Fleet {
  apps: App[];
  environments: Environment[];
  commands: Command[];
  requests: AppRequest[];
}

async function read(api: ApiClient): Promise<Fleet> {
  const list = async <Row>(collection: string, sort: string, pageSize?: number): Promise<Row[]> => {
    const params = pageSize === undefined ? { sort, paginate: false } : { sort, pageSize };
    const answer = await api.request({ url: `${collection}:list`, params, skipNotify: true });
    return answer.data.data as Row[];
  };
  const [apps, environments, commands, requests] = await Promise.all([
    list<App>("applications", "name"),
    list<Environment>("environments", "name"),
    list<Command>("applicationCommands", "-requestedAt", COMMANDS_SHOWN),
    list<AppRequest>("applicationRequests", "-requestedAt", COMMANDS_SHOWN),
  ]);
  return { apps, environments, commands, requests };
}

/** The fleet as it is, looked at again every second while the page is visible. */
export function useFleet(): { fleet: Fleet | undefined; fault: string | undefined; look: () => void } {
  const api = useAPIClient();
  const [fleet, setFleet] = useState<Fleet | undefined>(undefined);
  const [fault, setFault] = useState<string | undefined>(undefined);
  const look = useCallback(() => {
    read(api).then(
      (found) => {
        setFleet(found);
        setFault(undefined);
      },
      (error: unknown) => setFault(messageOf(error)),
    );
  }, [api]);
  useEffect(() => {
    look();
    const timer = setInterval(() => {
      if (!document.hidden) look();
    }, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [look]);
  return { fleet, fault, look };
}

/** What the server says of a request that it refused. */
export function messageOf(error: unknown): string {
  const { response, message } = error as {
    response?: { data?: { errors?: { message?: string }[] } };
    message?: string;
  };
  return response?.data?.errors?.[0]?.message ?? message ?? String(error);
}
