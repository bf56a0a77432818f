import assert from "node:assert/strict";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import fc from "fast-check";
import { exitCodeOf } from "../../cli/commands/many";
import { ExitCode } from "../../cli/exit-codes";
import { effectsOf, kinds, losesData, type Effect } from "../../cli/preview/effects";
import { MARKER, MOST_BYTES, previewMarkdown } from "../../cli/preview/markdown";
import { StepCollector, type Step } from "../../cli/preview/steps";
import { headline, sentence } from "../../cli/preview/words";
import type { StackResult } from "../../cli/stacks/operation";

const app = (name: string, op: string): Step => ({
  op,
  urn: `urn::${name}`,
  type: "nocobase-fleet:index:BusinessApp",
  name,
  paths: [],
  before: {},
  after: {},
});
const below = (owner: string, type: string, step: Partial<Step>): Step => ({
  op: "update",
  urn: `urn::${owner}::${type}`,
  type,
  name: `${owner}-part`,
  parent: `urn::${owner}`,
  paths: [],
  before: {},
  after: {},
  ...step,
});
const INSTANCE = "nocobase-local:index:Instance";
const FILES = "nocobase-local:index:AppFiles";
const words = (steps: readonly Step[]) =>
  effectsOf(steps).map(({ kind, key, detail }) => [kind, key, ...(detail ? [detail] : [])].join(" "));

describe("what a preview means", () => {
  const removed = (deletion: string) => [
    app("crm", "delete"),
    below("crm", FILES, { op: "delete", before: { deletion } }),
  ];

  it("tells a loss from a removal that keeps the data", () => {
    assert.deepEqual(words(removed("delete")), ["lost crm"]);
    assert.deepEqual(words(removed("backup")), ["backedUp crm"]);
    assert.deepEqual(words(removed("retain")), ["retained crm"]);
    assert.ok(losesData(effectsOf(removed("delete"))));
    assert.ok(!losesData(effectsOf(removed("backup"))));
  });

  it("says that a removal is refused, even where the engine stopped before it came there", () => {
    const refused = effectsOf([], [{ part: "app", key: "crm" }]);
    assert.deepEqual(refused, [{ kind: "refused", part: "app", key: "crm" }]);
    assert.equal(
      sentence(refused[0]!, "acme"),
      "crm of acme: would be deleted with its database: refused, it is protected",
    );
    assert.ok(losesData(refused));
  });

  it("takes a replaced database for a loss", () => {
    const steps = [app("crm", "same"), below("crm", "postgresql:index/database:Database", { op: "replace" })];
    assert.deepEqual(words(steps), ["lost crm"]);
  });

  it("tells restarts, scalings, stops and moves from changes in place", () => {
    const change = (step: Partial<Step>) => words([app("erp", "same"), below("erp", INSTANCE, step)]);
    assert.deepEqual(change({ paths: ["env.TZ"] }), ["restart erp"]);
    assert.deepEqual(change({ paths: ["title"] }), ["changed erp"]);
    assert.deepEqual(change({ paths: ["running"] }), ["started erp"]);
    assert.deepEqual(change({ before: { state: "running" }, after: { state: "stopped" } }), ["stopped erp"]);
    assert.deepEqual(change({ before: { replicas: 1 }, after: { replicas: 3 } }), ["scaled erp 1 → 3"]);
    const moved = [
      app("erp", "same"),
      below("erp", "postgresql:index/grant:Grant", { op: "replace" }),
      below("erp", INSTANCE, { op: "replace" }),
    ];
    assert.deepEqual(words(moved), ["moved erp"]);
  });

  it("is one line in a headline", () => {
    const effects: Effect[] = [
      { kind: "restart", part: "app", key: "a" },
      { kind: "restart", part: "app", key: "b" },
      { kind: "restart", part: "app", key: "c" },
      { kind: "scaled", part: "app", key: "erp", detail: "1 → 3" },
      { kind: "created", part: "app", key: "d" },
      { kind: "created", part: "app", key: "e" },
    ];
    assert.equal(headline(effects), "3 apps restart; 2 apps created; erp scaled 1 → 3");
  });

  it("takes names of properties from the engine, never values", () => {
    const collector = new StepCollector();
    const metadata = {
      op: "update",
      urn: "urn:pulumi:acme::nocobase-fleet::postgresql:index/role:Role::crm-role",
      type: "postgresql:index/role:Role",
      old: { inputs: { password: "old-secret", state: "running" }, parent: "urn::crm" },
      new: { inputs: { password: "new-secret", state: "stopped" }, parent: "urn::crm" },
      detailedDiff: { password: { kind: "update", inputDiff: true } },
      diffs: null,
    };
    collector.handle({ resourcePreEvent: { metadata } } as unknown as EngineEvent);
    const text = JSON.stringify(collector.steps);
    assert.doesNotMatch(text, /secret/);
    assert.deepEqual(collector.steps[0]!.paths, ["password"]);
    assert.equal(collector.steps[0]!.after.state, "stopped");
  });
});

describe("the page of a preview", () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.constantFrom("```", "</details>", "@somebody", "|", "\n## x", "…"),
  );
  const result: fc.Arbitrary<StackResult> = fc.record({
    stack: fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/),
    platformStack: fc.option(fc.constant("platform"), { nil: undefined }),
    ok: fc.boolean(),
    changes: fc.constantFrom<Record<string, number>[]>({}, { create: 2 }),
    seconds: fc.constant(1),
    error: fc.option(anyText, { nil: undefined }),
    effects: fc.array(
      fc.record({
        kind: fc.constantFrom(...kinds),
        part: fc.constantFrom("app", "environment", "gateway"),
        key: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
      }),
      { maxLength: 12 },
    ),
    violations: fc.array(
      fc.record({ policy: anyText, resource: anyText, message: anyText, mandatory: fc.boolean() }),
      { maxLength: 4 },
    ),
    steps: fc.array(
      fc
        .record({ op: fc.constant("update"), paths: fc.array(anyText, { maxLength: 3 }) })
        .map(({ op, paths }) => ({
          ...below("crm", INSTANCE, {}),
          op,
          paths,
        })),
      { maxLength: 12 },
    ),
  });

  it("stays below what a comment may hold, with what is lost before everything else", () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 60 }), fc.constantFrom(1, 40), (results, times) => {
        const many = Array.from({ length: times }, () => results).flat();
        const page = previewMarkdown(many, { reason: "all stacks" });
        assert.ok(Buffer.byteLength(page) <= MOST_BYTES, String(Buffer.byteLength(page)));
        assert.ok(page.startsWith(`${MARKER}\n## Fleet preview: `));
        const lost = many.some(({ effects }) => losesData(effects));
        assert.equal(page.includes("## Fleet preview: data would be lost"), lost);
        const places = [
          "### Lost, refused, restarted",
          "### Policies",
          "### Failed",
          "### By stack",
          "<summary>Resources",
        ]
          .map((heading) => page.indexOf(`\n${heading}`))
          .filter((place) => place >= 0);
        assert.deepEqual(
          places,
          [...places].sort((a, b) => a - b),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("keeps the summary of three hundred tenants whole and folds the rest", () => {
    const results = Array.from({ length: 300 }, (_, index): StackResult => ({
      stack: `tenant-${index}`,
      platformStack: "platform",
      ok: true,
      changes: { update: 40 },
      seconds: 1,
      violations: [],
      effects: [{ kind: index === 299 ? "lost" : "restart", part: "app", key: "crm" }],
      steps: Array.from({ length: 40 }, () => below("crm", INSTANCE, { paths: ["env.TZ"] })),
    }));
    const page = previewMarkdown(results, { reason: "all stacks" });
    assert.ok(page.length < 65_536);
    assert.match(page, /\*\*1 app deleted with data; 299 apps restart\*\*/);
    assert.match(page, /… and \d+ more/);
    const lost = page.indexOf("crm of tenant-299: deleted");
    assert.ok(lost > 0 && lost < page.indexOf("crm of tenant-0: restarts"), "the loss comes first");
  });

  it("names the policies that forbid a change, which its exit code tells apart from a failure", () => {
    const forbidden: StackResult = {
      ...{ stack: "acme", ok: false, changes: {}, seconds: 1, effects: [], steps: [] },
      violations: [
        { policy: "my-advice", resource: "crm-role", message: "Think again.", mandatory: false },
        { policy: "limited-role", resource: "crm-role", message: "No limit.", mandatory: true },
      ],
    };
    const page = previewMarkdown([forbidden], { reason: "all stacks" });
    assert.match(page, /## Fleet preview: policies forbid it\n/);
    assert.match(
      page,
      /### Policies\n\n- forbidden, `acme`: `limited-role, crm-role: No limit\.`\n- advice, `acme`: `my-advice/,
    );
    assert.equal(exitCodeOf("preview", [forbidden]), ExitCode.unsafe);
    const [advice] = forbidden.violations;
    assert.ok(advice);
    assert.equal(exitCodeOf("preview", [{ ...forbidden, ok: true, violations: [advice] }]), ExitCode.ok);
    assert.equal(exitCodeOf("preview", [forbidden, { ...forbidden, violations: [] }]), ExitCode.failed);
  });
});
