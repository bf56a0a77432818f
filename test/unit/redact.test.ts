import assert from "node:assert/strict";
import { redact } from "../../providers/local/launcher/redact.cjs";

describe("NocoBase's request log", () => {
  it("shows the names of secrets, not their values, at any depth", () => {
    const action = {
      params: {
        values: {
          name: "crm",
          options: {
            database: { username: "dev_crm", password: "p", port: 5432 },
            authManager: { jwt: { secret: "s" } },
          },
          rows: [{ apiKey: "k", title: "Token ring" }],
        },
      },
    };
    assert.deepEqual(redact(action), {
      params: {
        values: {
          name: "crm",
          options: {
            database: { username: "dev_crm", password: "***", port: 5432 },
            authManager: { jwt: { secret: "***" } },
          },
          rows: [{ apiKey: "***", title: "Token ring" }],
        },
      },
    });
  });

  it("ends at cycles and leaves what is no text alone", () => {
    const cycle: Record<string, unknown> = { password: "", secret: 1, date: null };
    cycle.self = cycle;
    assert.equal((redact(cycle) as typeof cycle).secret, 1);
  });
});
