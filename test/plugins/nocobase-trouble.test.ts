import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import {
  canSignIn,
  createApplication,
  destroyApplication,
  findApplication,
  NocoBaseError,
  startApplication,
  stopApplication,
} from "../../providers/nocobase/client";
import { enginesIn, failure, nocobaseFleet, type NocoBaseFleet } from "./support/nocobase-fleet";

const MINUTE = 60_000;

/** A way to a port that can go dead: connections stay, nothing passes any more. */
class FrozenLink {
  frozen = false;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async to(port: number): Promise<FrozenLink> {
    const server = createServer();
    const link = new FrozenLink(server);
    server.on("connection", (near) => {
      const far = connect(port, "127.0.0.1");
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        link.sockets.add(from);
        from.on("data", (data) => link.frozen || into.write(data));
        from.on("close", () => link.frozen || into.destroy());
        from.on("error", () => undefined);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return link;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Cuts every connection and listens no more. */
  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

describe("nocobase provider on a real NocoBase: trouble", function () {
  this.timeout(5 * MINUTE);
  let nocobase: NocoBaseFleet;

  before(async function () {
    this.timeout(15 * MINUTE);
    nocobase = await nocobaseFleet();
  });

  describe("databases", () => {
    it("a wrong password is PostgreSQL's own error at once, and nothing is registered", async () => {
      await nocobase.database("badpass");
      const fleet = await nocobase.project({ badpass: { databasePassword: "wrong" } });
      const message = await failure(fleet.up());
      assert.match(message, /password authentication failed for user "badpass" \(28P01\)/);
      assert.match(message, /application badpass can't use its database db_badpass/);
      assert.ok(!message.includes("    at "), "no stack trace");
      assert.equal((await nocobase.host.states()).badpass, undefined);
      fleet.change({ program: nocobase.program({ badpass: {} }) });
      await fleet.up();
      assert.ok(await nocobase.answers("badpass"));

      fleet.change({ program: nocobase.program({ badpass: { databasePassword: "wrong again" } }) });
      assert.match(await failure(fleet.up()), /28P01/);
      assert.ok(await nocobase.answers("badpass"), "goes on with the old password");
      await nocobase.postgres.sql("ALTER ROLE badpass PASSWORD 'wrong again'");
      await fleet.up();
      assert.ok(await nocobase.answers("badpass"));
      await fleet.destroy();
    });

    it("NocoBase's own error is passed on, the state kept, and the next up repairs it", async () => {
      await nocobase.postgres.sql("CREATE ROLE guest LOGIN PASSWORD 'database password of guest'");
      await nocobase.postgres.sql("CREATE DATABASE db_guest");
      const fleet = await nocobase.project({ guest: {} });
      const message = await failure(fleet.up());
      assert.match(message, /application guest: permission denied for (database db_guest|schema public)/);
      assert.ok(await fleet.resource("guest"));
      assert.deepEqual((await nocobase.host.states()).guest, "error");
      await nocobase.postgres.sql("ALTER DATABASE db_guest OWNER TO guest");
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op, name }) => [op, name]),
        [["update", "guest"]],
      );
      assert.ok(await canSignIn(nocobase.root("guest")));
      await fleet.destroy();
    });

    it("another database is another application: the old one goes first", async () => {
      await nocobase.database("mover");
      await nocobase.postgres.sql("CREATE DATABASE db_mover2 OWNER mover");
      const fleet = await nocobase.project({ mover: {} });
      await fleet.up();
      fleet.change({ program: nocobase.program({ mover: { databaseName: "db_mover2" } }) });
      const { steps } = await fleet.up();
      assert.deepEqual(
        steps.map(({ op }) => op).filter((op) => op !== "replace"),
        ["delete-replaced", "create-replacement"],
      );
      assert.ok(await canSignIn(nocobase.root("mover")));
      await fleet.destroy();
    });
  });

  it("a delete ends also when the database is away, and takes the application out", async () => {
    await nocobase.database("faraway");
    const link = await FrozenLink.to(nocobase.postgres.port);
    try {
      const fleet = await nocobase.project({ faraway: { databasePort: link.port } });
      await fleet.up();
      link.frozen = true;
      const began = Date.now();
      await fleet.destroy();
      assert.ok(Date.now() - began < 90_000, `${Date.now() - began} ms`);
      assert.equal((await nocobase.host.states()).faraway, undefined);
    } finally {
      link.close();
    }
  });

  it("a delete ends also when the application never reached its database", async () => {
    await nocobase.database("nowhere");
    const link = await FrozenLink.to(nocobase.postgres.port);
    const fleet = await nocobase.project({ nowhere: { databasePort: link.port } });
    await fleet.up();
    link.close();
    await stopApplication(nocobase.host.session(), "nowhere");
    await nocobase.reaches("nowhere", (state) => state === "stopped");
    await startApplication(nocobase.host.session(), "nowhere");
    await nocobase.reaches("nowhere", (state) => state === "commanding");
    const began = Date.now();
    await fleet.destroy();
    assert.ok(Date.now() - began < 90_000, `${Date.now() - began} ms`);
    assert.equal((await nocobase.host.states()).nowhere, undefined);
  });

  it("an application of someone else keeps its name and stays untouched", async () => {
    await nocobase.database("theirs");
    await nocobase.postgres.sql("CREATE DATABASE db_other OWNER theirs");
    await createApplication(nocobase.host.session(), {
      name: "theirs",
      displayName: "Theirs",
      cname: null,
      options: {
        dbConnType: "new_connection",
        database: {
          dialect: "postgres",
          host: "127.0.0.1",
          port: nocobase.postgres.port,
          username: "theirs",
          password: "database password of theirs",
          database: "db_other",
          schema: "public",
        },
      },
    });
    const fleet = await nocobase.project({ theirs: {} });
    const message = await failure(fleet.up());
    assert.match(
      message,
      /already has an application theirs, which uses database db_other on 127\.0\.0\.1:\d+/,
    );
    assert.equal((await findApplication(nocobase.host.session(), "theirs"))!.displayName, "Theirs");
    await destroyApplication(nocobase.host.session(), "theirs");
  });

  for (const [moment, reached] of [
    ["just registered", (state?: string) => state !== undefined],
    ["in the middle of its installation", (state?: string) => state === "commanding"],
    ["just running", (state?: string) => state === "running"],
  ] as const) {
    it(`an engine killed with the application ${moment} leaves nothing the next up can't finish`, async () => {
      const name = `killed${moment.split(" ").at(-1)!}`;
      await nocobase.database(name);
      const fleet = await nocobase.project({ [name]: {} });
      const killed = fleet.up().then(
        () => "finished",
        () => "killed",
      );
      await nocobase.reaches(name, reached);
      for (const pid of await enginesIn(fleet.folder)) process.kill(pid, "SIGKILL");
      assert.equal(await killed, "killed");
      await fleet.pulumi("cancel", "--yes");
      await fleet.up();
      assert.ok(await canSignIn(nocobase.root(name)));
      assert.ok(!(await canSignIn(nocobase.host.session(name))));
      assert.deepEqual((await fleet.preview()).steps, []);
      const [{ n }] = (await nocobase.postgres.sql("SELECT count(*)::int AS n FROM users", [], {
        database: `db_${name}`,
      })) as [{ n: number }];
      assert.equal(n, 1);
      await fleet.destroy();
    });
  }

  it("NocoBase's refusals arrive in its own words", async () => {
    await assert.rejects(
      () => nocobase.host.session().call("POST", "applications:create", { body: { name: "x.y" } }),
      (error: unknown) => error instanceof NocoBaseError && /can only include/.test(error.message),
    );
  });
});
