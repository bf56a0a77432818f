import { Gateway } from "@nocobase/server";
import { randomUUID } from "node:crypto";
import { PostgresCacheStore } from "./cache/store";
import type { Application, LockAdapter, Logger, Transaction } from "../../../shared/contracts/core";
import { SharedTokenBlacklist } from "./auth/token-blacklist";
import { renewTokensOnce } from "./auth/token-renewal";
import { applyGap, watchGaps, type Change } from "./changes/gaps";
import { PluginChanges } from "./changes/plugins";
import { retrySyncMessages } from "./changes/sync-messages";
import { Gate } from "./http/gate";
import { PostgresLockAdapter } from "./locks/adapter";
import { Locks } from "./locks/locks";
import { applicationName } from "./member/lease";
import { FENCED_EXIT_CODE, Member } from "./member/member";
import { drainSettings, memberSettings } from "./member/settings";
import { PostgresPubSubAdapter } from "./pubsub/adapter";
import { MessageBus } from "./pubsub/bus";
import { publishWithinTransactions } from "./pubsub/transactional";
import { PostgresQueueAdapter } from "./queue/adapter";
import { handOver } from "./queue/handover";

const ADAPTER = "fleet-cluster";
const CHANGES = "fleet-cluster";
/** Changes come in bursts; a second, the core's own, is half of what a change may take to be seen. */
const DEBOUNCE_MS = 200;
/** Longest wait for tasks in work when the app stops; what isn't done by then is handed over. */
const TASK_LIMIT_MS = 4000;

/** Ids of database sessions begin with this process: set before NocoBase opens its first connection. */
const ID = randomUUID();

/** Marks every database connection of this process as this replica's, for {@link Member} to be fenced by. */
export function markConnections(environment: NodeJS.ProcessEnv): void {
  environment.PGAPPNAME = applicationName(ID);
}

/** This process's replica: one for its life, wired into its app whenever that is made or reloads. */
export class Replica {
  private static only: Replica | undefined;
  readonly member: Member;
  readonly bus: MessageBus;
  readonly locks: Locks;
  readonly cache: PostgresCacheStore;
  readonly gate: Gate;
  readonly plugins: PluginChanges;
  private readonly blacklist: SharedTokenBlacklist;
  private app: Application;
  private pubsub: PostgresPubSubAdapter | undefined;
  private queue: PostgresQueueAdapter | undefined;

  /** Wires `app` to this process's replica. Called at the end of the app's every `init()`. */
  static attach(app: Application): void {
    // Apps inside an app have a host that replicates, or don't replicate at all.
    if (app.name !== "main") return;
    Replica.only ??= new Replica(app);
    Replica.only.wire(app);
  }

  static get current(): Replica {
    if (!Replica.only)
      throw new Error("this process is no replica: the plugin is loaded by the fleet's launcher");
    return Replica.only;
  }

  private constructor(app: Application) {
    this.app = app;
    const logger = (): Logger => this.app.logger;
    this.member = new Member(
      memberSettings(app.db, process.env),
      {
        logger,
        fenced: (reason) => {
          logger().error(reason);
          // At once, and with no farewell to the database: all that this process held is others' now.
          process.stderr.write(`${reason}\n`, () => process.exit(FENCED_EXIT_CODE));
          setTimeout(() => process.exit(FENCED_EXIT_CODE), 500);
        },
      },
      ID,
    );
    this.bus = new MessageBus(this.member, logger);
    this.locks = new Locks(this.member);
    this.plugins = new PluginChanges(this.locks);
    this.cache = new PostgresCacheStore(this.member);
    this.blacklist = new SharedTokenBlacklist(() => this.app.db.getRepository("tokenBlacklist"), this.bus);
    this.member.onRecovery(() => {
      this.queue?.wake();
      return Promise.resolve();
    });
    this.gate = new Gate(this.member, this.member.settings.name);
    Gateway.registerRequestHandler(this.gate.request);
    Gateway.registerWsHandler(this.gate.upgrade);
  }

  private wire(app: Application): void {
    this.app = app;
    this.bus.pause();
    this.pubsub?.retire();
    this.queue?.retire();
    const pubsub = new PostgresPubSubAdapter(this.member, this.bus);
    const queue = new PostgresQueueAdapter(this.member, () => app.logger, handOver(app));
    this.pubsub = pubsub;
    this.queue = queue;
    app.pubSubManager.setAdapter(pubsub);
    app.syncMessageManager.options.debounce = DEBOUNCE_MS;
    publishWithinTransactions(app, this.member);
    retrySyncMessages(app, this.member);
    app.eventQueue.setAdapter(queue);
    app.workerIdAllocator.setAdapter({
      getWorkerId: async () => {
        await this.member.start();
        return this.member.workerId;
      },
      // The lease is the process's, not the app's: a reload keeps it.
      release: () => Promise.resolve(),
    });
    this.wireLocks(app);
    this.wireCache(app);
    app.authManager.setTokenBlacklistService(this.blacklist);
    app.db.sequelize.addHook("beforeConnect", () => {
      this.member.assertProven();
      return Promise.resolve();
    });
    this.drainFirst(app);
    this.followChanges(app);
    this.listen(app, queue);
  }

  private wireLocks(app: Application): void {
    const { locks } = this;
    const Adapter = class extends PostgresLockAdapter {
      constructor() {
        super(locks);
      }
    } satisfies new () => LockAdapter;
    app.lockManager.registerAdapter(ADAPTER, { Adapter });
    app.lockManager.options.defaultAdapter = ADAPTER;
  }

  private wireCache(app: Application): void {
    const { cacheManager } = app.options;
    app.options.cacheManager = {
      ...cacheManager,
      defaultStore: ADAPTER,
      stores: { ...cacheManager?.stores, [ADAPTER]: { store: () => this.cache } },
    };
    // The first thing a loading app does with the database. From here on no change by others is missed.
    const create = app.createCacheManager.bind(app);
    app.createCacheManager = async () => {
      await this.member.start();
      return create();
    };
  }

  private listen(app: Application, queue: PostgresQueueAdapter): void {
    onApp(app, "__started", () => this.bus.resume());
    onApp(app, "beforeStop", () => queue.pause(TASK_LIMIT_MS));
    onApp(app, "afterLoad", () => this.guardIds(app));
    onApp(app, "beforeStart", () => renewTokensOnce(app));
    onApp(app, "afterDestroy", () => this.stop());
    // A command that runs once and ends doesn't destroy its app.
    if (process.argv[2] !== "start") onApp(app, "afterStop", () => this.stop());
  }

  /** Tells the others what the core and its plugins don't, and takes over what they tell. */
  private followChanges(app: Application): void {
    const { plugins } = this;
    const tell = (change: Change, transaction?: Transaction): void => {
      app.syncMessageManager.publish(CHANGES, change, { transaction }).catch((error: unknown) => {
        app.logger.error(`a change can't be told to the other replicas: ${String(error)}`, { change });
      });
    };
    watchGaps(app, tell);
    for (const event of ["beforeEnablePlugin", "beforeDisablePlugin"])
      onApp(app, event, () => plugins.begin());
    for (const event of ["afterEnablePlugin", "afterDisablePlugin"]) onApp(app, event, () => plugins.done());
    onApp(app, "__started", async () => {
      if (await plugins.started()) tell({ type: "plugins" });
    });
    void app.syncMessageManager.subscribe(CHANGES, async (message) => {
      const change = message as Change;
      if (change.type !== "plugins") return applyGap(app, change);
      // Not waited for: the app's own restart ends what handles this message.
      void plugins.follow(app).catch((error: unknown) => {
        app.logger.error(`restarting after a change of plugins failed: ${String(error)}`);
      });
    });
  }

  /** Requests end before anything of the app does: its status changes with the first step of its end. */
  private drainFirst(app: Application): void {
    if (draining.has(app)) return;
    draining.add(app);
    const destroy = app.destroy.bind(app);
    app.destroy = async (options) => {
      const { noticeMs, limitMs } = drainSettings(process.env);
      await this.gate.drain(noticeMs, limitMs);
      await destroy(options);
    };
  }

  /** Ids made of a worker id that may be another's already are refused, not handed out. */
  private guardIds(app: Application): void {
    const { snowflakeIdGenerator: generator } = app;
    if (!generator || guarded.has(generator)) return;
    guarded.add(generator);
    const generate = generator.generate.bind(generator);
    generator.generate = () => {
      this.member.assertProven();
      return generate();
    };
  }

  private async stop(): Promise<void> {
    this.bus.stop();
    this.cache.stop();
    await this.member.stop();
  }
}

/** The core drops listeners with this mark when the app is initialised anew (server/src/application.ts). */
function onApp(app: Application, event: string, listener: () => unknown): void {
  app.on(event, Object.assign(listener, { _reinitializable: true }));
}

const guarded = new WeakSet();
const draining = new WeakSet<Application>();
