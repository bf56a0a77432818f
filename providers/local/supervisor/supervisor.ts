import * as fs from "node:fs";
import { messageOf, writeFileIfChanged } from "../support/files";
import { Cgroups } from "./cgroups";
import { endpointsFile } from "./endpoints";
import { UNIT_NAME } from "./layout";
import type { UnitDefinition, UnitStatus } from "./protocol";
import { UnitStore } from "./store";
import { Unit } from "./unit";

/** A daemon without units ends after this time, so that `destroy` leaves no process behind. */
const IDLE_EXIT_MS = 2000;
/** Longest wait for units of a lower order when many are started together. */
const ORDER_WAIT_MS = 60_000;
const HOUSEKEEPING_MS = 5000;

/** A request that can't be served as asked; `status` is an HTTP status. */
export class RequestFault extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** All units of one root. */
export class Supervisor {
  private readonly units = new Map<string, Unit>();
  private readonly cgroups: Cgroups;
  private timer: NodeJS.Timeout | undefined;
  private housekeepingAt = 0;
  private emptySince = Date.now();
  private disposed = false;

  constructor(
    private readonly store: UnitStore,
    private readonly log: (message: string) => void,
    /** Called when there is nothing left to supervise. */
    private readonly onIdle: () => void,
  ) {
    this.cgroups = new Cgroups(store.root, log);
  }

  /** Adopts living processes, then starts what should run, low orders first. */
  boot(): void {
    for (const record of this.store.load(this.log)) {
      const unit = this.makeUnit(record);
      this.units.set(record.name, unit);
      unit.adopt();
    }
    // A fresh daemon has its first unit put within this time.
    this.emptySince = Date.now() + 60_000;
    this.scheduleTick(0);
    void this.releaseInOrder().catch((error: unknown) => this.log(messageOf(error)));
  }

  /** Status of all units, low orders first. */
  list(): UnitStatus[] {
    return this.ordered().map((unit) => unit.status());
  }

  get(name: string): UnitStatus {
    return this.find(name).status();
  }

  async put(definition: UnitDefinition): Promise<UnitStatus> {
    if (!UNIT_NAME.test(definition.name)) {
      throw new RequestFault(400, `unit name "${definition.name}" must match ${String(UNIT_NAME)}`);
    }
    const record = { ...definition, held: false };
    let unit = this.units.get(definition.name);
    if (!unit) {
      this.store.save(record);
      unit = this.makeUnit(record);
      this.units.set(definition.name, unit);
      unit.adopt();
    }
    await unit.put(record);
    this.scheduleTick(0);
    return unit.status();
  }

  async start(name: string): Promise<UnitStatus> {
    const unit = this.find(name);
    await refusable(() => unit.start());
    this.scheduleTick(0);
    return unit.status();
  }

  async stop(name: string, hold: boolean): Promise<UnitStatus> {
    const unit = this.find(name);
    await unit.stop(hold);
    return unit.status();
  }

  async restart(name: string): Promise<UnitStatus> {
    const unit = this.find(name);
    await refusable(() => unit.restart());
    this.scheduleTick(0);
    return unit.status();
  }

  /** Stops a unit and forgets it; an unknown name is fine. */
  async remove(name: string): Promise<void> {
    const unit = this.units.get(name);
    if (!unit) return;
    await unit.stop(true);
    this.units.delete(name);
    this.store.remove(name);
    await this.cgroups.remove(name);
    const { service } = unit.definition;
    if (service) this.publish(service.name);
    this.log(`${name}: removed`);
    this.emptySince = Date.now();
  }

  /** Stops all units, high orders first. */
  async stopAll(hold: boolean): Promise<void> {
    for (const group of this.groups().reverse()) await Promise.all(group.map((unit) => unit.stop(hold)));
  }

  /** Lifts operators' stops and starts what the stack declares running; returns once each process is started. */
  async startAll(): Promise<void> {
    for (const group of this.groups()) {
      const declared = group.filter((unit) => unit.definition.desired === "running");
      await Promise.all(declared.map((unit) => unit.start()));
      this.scheduleTick(0);
      await this.settled(declared);
    }
  }

  /** Ends supervision; the processes live on. */
  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
  }

  /** Ends supervision and all processes, high orders first; they start with the next daemon. */
  async shutdown(): Promise<void> {
    // Else what is stopped first would be started anew while the rest is being stopped.
    this.dispose();
    for (const group of this.groups().reverse()) {
      const ends = await Promise.allSettled(group.map((unit) => unit.stop(false)));
      for (const end of ends) if (end.status === "rejected") this.log(messageOf(end.reason));
    }
  }

  private makeUnit(record: Unit["definition"]): Unit {
    const { store, cgroups } = this;
    return new Unit(
      record,
      { store, cgroups, endpointChanged: (service) => this.publish(service) },
      (message) => this.log(`${record.name}: ${message}`),
    );
  }

  /** Tells the gateway which processes of a service take requests. */
  private publish(service: string): void {
    const units = this.ordered().filter((unit) => unit.definition.service?.name === service);
    const file = endpointsFile(this.store.layout.endpoints, service);
    if (units.length === 0) fs.rmSync(file, { force: true });
    else
      writeFileIfChanged(file, JSON.stringify({ endpoints: units.flatMap((unit) => unit.endpoint ?? []) }));
  }

  private find(name: string): Unit {
    const unit = this.units.get(name);
    if (!unit) throw new RequestFault(404, `no unit is named "${name}"`);
    return unit;
  }

  private ordered(): Unit[] {
    return [...this.units.values()].sort(
      (a, b) => a.definition.order - b.definition.order || a.definition.name.localeCompare(b.definition.name),
    );
  }

  private groups(): Unit[][] {
    const groups = new Map<number, Unit[]>();
    for (const unit of this.ordered()) {
      const { order } = unit.definition;
      groups.set(order, [...(groups.get(order) ?? []), unit]);
    }
    return [...groups.values()];
  }

  private async releaseInOrder(): Promise<void> {
    for (const group of this.groups()) {
      for (const unit of group) unit.release();
      this.scheduleTick(0);
      await this.settled(group.filter((unit) => unit.wanted));
    }
  }

  private async settled(units: Unit[]): Promise<void> {
    const limit = Date.now() + ORDER_WAIT_MS;
    while (Date.now() < limit && units.some((unit) => unit.wanted && unit.phase !== "running")) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  private scheduleTick(delay: number): void {
    if (this.disposed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tick(), delay);
  }

  private tick(): void {
    let restless = false;
    for (const unit of this.units.values()) {
      try {
        unit.tick();
      } catch (error) {
        this.log(`${unit.definition.name}: ${messageOf(error)}`);
      }
      restless ||= unit.restless;
    }
    this.scheduleTick(restless ? 200 : 1000);
    if (Date.now() >= this.housekeepingAt) this.keepHouse();
    if (this.units.size === 0 && Date.now() - this.emptySince > IDLE_EXIT_MS) this.onIdle();
  }

  private keepHouse(): void {
    this.housekeepingAt = Date.now() + HOUSEKEEPING_MS;
    if (!fs.existsSync(this.store.layout.units)) {
      // Someone removed the root with everything in it: processes without a home must not stay behind.
      this.log("the stack's folder is gone; stopping its processes");
      void this.shutdown().then(() => this.onIdle());
      return;
    }
    for (const unit of this.units.values()) {
      try {
        unit.rotateLog();
      } catch (error) {
        this.log(`${unit.definition.name}: log rotation: ${messageOf(error)}`);
      }
    }
  }
}

async function refusable(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new RequestFault(409, messageOf(error));
  }
}
