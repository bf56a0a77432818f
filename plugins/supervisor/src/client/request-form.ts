import { Form, Input, Modal, Select } from "antd";
import { createElement as h, type Node } from "react";
import type { Environment } from "./fleet";

interface RequestForm {
  open: boolean;
  environments: readonly Environment[];
  close: () => void;
  send: (values: Record<string, unknown>) => Promise<void>;
}

/** Asks for a new application: written down for who runs the fleet, whose stack file it may come to. */
export function RequestForm({ open, environments, close, send }: RequestForm): Node {
  const [form] = Form.useForm();
  const submit = async (): Promise<void> => {
    await send(await form.validateFields());
    form.resetFields();
    close();
  };
  const item = (name: string, label: string, field: Node, required = false): Node =>
    h(Form.Item, { name, label, rules: [{ required }] }, field);
  const options = (names: readonly string[]) => names.map((value) => ({ value, label: value }));
  return h(
    Modal,
    {
      open,
      title: "Request a new application",
      okText: "Send request",
      onCancel: close,
      // Faults of the form are shown beside its fields.
      onOk: () => void submit().catch(() => undefined),
    },
    h(
      Form,
      {
        form,
        layout: "vertical",
        initialValues: { isolation: "shared", environmentName: environments[0]?.name },
      },
      item("app", "Key", h(Input, { placeholder: "crm" }), true),
      item("title", "Title", h(Input, { placeholder: "CRM" })),
      item("isolation", "Isolation", h(Select, { options: options(["shared", "dedicated"]) })),
      item(
        "environmentName",
        "Environment of a shared application",
        h(Select, { allowClear: true, options: options(environments.map(({ name }) => name)) }),
      ),
      item("comment", "Comment", h(Input.TextArea, {})),
    ),
  );
}
