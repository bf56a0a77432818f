/** What the control plane shows in NocoBase: ordinary collections, for blocks, filters and workflows. */

interface Options {
  /** Values with the colours of their tags. */
  choices?: Readonly<Record<string, string>>;
}

function field(name: string, title: string, kind: keyof typeof KINDS, { choices }: Options = {}) {
  const { type, ui, component } = KINDS[kind];
  const options = Object.entries(choices ?? {}).map(([value, color]) => ({ value, label: value, color }));
  return {
    name,
    type,
    interface: ui,
    uiSchema: {
      type: type === "integer" ? "number" : type === "boolean" ? "boolean" : "string",
      title,
      "x-component": component,
      "x-read-pretty": true,
      ...(choices ? { enum: options } : {}),
      ...(kind === "time" ? { "x-component-props": { showTime: true } } : {}),
    },
  };
}

const KINDS = {
  text: { type: "string", ui: "input", component: "Input" },
  long: { type: "text", ui: "textarea", component: "Input.TextArea" },
  url: { type: "text", ui: "url", component: "Input.URL" },
  choice: { type: "string", ui: "select", component: "Select" },
  number: { type: "integer", ui: "integer", component: "InputNumber" },
  flag: { type: "boolean", ui: "checkbox", component: "Checkbox" },
  time: { type: "date", ui: "datetime", component: "DatePicker" },
} as const;

function key(name: string, title: string) {
  return { ...field(name, title, "text"), primaryKey: true, allowNull: false };
}

const common = {
  autoGenId: false,
  createdAt: false,
  updatedAt: false,
  uiManageable: true,
  // Copies of the registry, which has them all again.
  dumpRules: "skipped",
};

export const collections = [
  {
    ...common,
    name: "environments",
    title: "Environments",
    filterTargetKey: "name",
    titleField: "title",
    fields: [
      key("name", "Name"),
      field("title", "Title", "text"),
      field("state", "State", "choice", { choices: { available: "green", unavailable: "red" } }),
      field("url", "URL", "url"),
      field("instanceUrl", "Address in the fleet", "text"),
      field("release", "Release", "text"),
      field("memoryMiB", "Memory, MiB", "number"),
      field("startedAt", "Started", "time"),
      field("lastSeenAt", "Last seen", "time"),
    ],
  },
  {
    ...common,
    name: "applications",
    title: "Applications",
    filterTargetKey: "name",
    titleField: "title",
    fields: [
      key("name", "Name"),
      field("title", "Title", "text"),
      field("state", "State", "choice", {
        choices: {
          running: "green",
          starting: "blue",
          stopped: "default",
          failed: "red",
          unavailable: "orange",
          pending: "default",
        },
      }),
      field("held", "Stopped on purpose", "flag"),
      field("declaredState", "Declared state", "choice", {
        choices: { running: "green", stopped: "default", operator: "blue" },
      }),
      field("isolation", "Isolation", "choice", { choices: { shared: "blue", dedicated: "purple" } }),
      field("environmentName", "Environment", "text"),
      {
        ...field("environment", "Environment", "text"),
        type: "belongsTo",
        interface: "m2o",
        target: "environments",
        foreignKey: "environmentName",
        targetKey: "name",
        constraints: false,
        uiSchema: {
          title: "Environment",
          "x-component": "AssociationField",
          "x-component-props": { fieldNames: { label: "title", value: "name" } },
        },
      },
      field("release", "Release", "text"),
      field("replicas", "Ready replicas", "number"),
      field("url", "URL", "url"),
      field("instanceUrl", "Address in the fleet", "text"),
      field("lastError", "Last error", "long"),
    ],
  },
  {
    ...common,
    name: "applicationCommands",
    title: "Commands to applications",
    filterTargetKey: "requestId",
    fields: [
      key("requestId", "Request"),
      field("app", "Application", "text"),
      field("action", "Action", "choice", { choices: { start: "green", stop: "default", restart: "blue" } }),
      field("requestedBy", "Requested by", "text"),
      field("requestedAt", "Requested", "time"),
      field("begunAt", "Begun", "time"),
      field("finishedAt", "Finished", "time"),
      field("outcome", "Outcome", "choice", {
        choices: { waiting: "default", begun: "blue", done: "green", failed: "red", "timed out": "orange" },
      }),
      field("error", "Error", "long"),
    ],
  },
  {
    ...common,
    // Said by people, and nowhere else.
    dumpRules: "required",
    name: "applicationRequests",
    title: "Requests for applications",
    filterTargetKey: "requestId",
    fields: [
      key("requestId", "Request"),
      field("action", "Action", "choice", { choices: { create: "green", remove: "red" } }),
      field("app", "Application", "text"),
      field("title", "Title", "text"),
      field("isolation", "Isolation", "choice", { choices: { shared: "blue", dedicated: "purple" } }),
      field("environmentName", "Environment", "text"),
      field("comment", "Comment", "long"),
      field("requestedBy", "Requested by", "text"),
      field("requestedAt", "Requested", "time"),
      field("state", "State", "choice", { choices: { open: "blue", accepted: "green", rejected: "red" } }),
      field("answer", "Answer", "long"),
      field("decidedAt", "Answered", "time"),
    ],
  },
] as const;

/** None of them is written by NocoBase's own actions. */
export const collectionNames = collections.map(({ name }) => name);
