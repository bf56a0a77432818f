/** What the page uses of the libraries that NocoBase's web client shares with plugins (2.2.15). */

/** Of the page, all that is used. */
declare const document: { readonly hidden: boolean };

declare module "react" {
  export type Node = Element | string | number | null | undefined | false | readonly Node[];
  export interface Element {
    readonly type: unknown;
  }
  export type Component<Props = Record<string, unknown>> = (props: Props) => Node;
  export function createElement(
    // Components of libraries take more properties than are named here.
    type: string | Component<never>,
    props: Readonly<Record<string, unknown>> | null,
    ...children: readonly Node[]
  ): Element;
  export function useState<T>(first: T): [T, (next: T) => void];
  export function useEffect(effect: () => (() => void) | undefined, dependencies: readonly unknown[]): void;
  export function useCallback<T>(callback: T, dependencies: readonly unknown[]): T;
}

declare module "antd" {
  type Component = import("react").Component<never>;
  export const Alert: Component;
  export const Button: Component;
  export const Card: Component;
  export const Form: Component & { Item: Component; useForm(): [FormInstance] };
  export const Input: Component & { TextArea: Component };
  export const Modal: Component;
  export const Popconfirm: Component;
  export const Select: Component;
  export const Space: Component;
  export const Table: Component;
  export const Tag: Component;
  export const Tooltip: Component;
  export const message: { success(text: string): void; error(text: string): void };
  interface FormInstance {
    validateFields(): Promise<Record<string, unknown>>;
    resetFields(): void;
  }
}

declare module "@nocobase/client" {
  export interface ApiClient {
    request(options: {
      url: string;
      method?: "get" | "post";
      params?: Record<string, unknown>;
      data?: unknown;
      skipNotify?: boolean;
    }): Promise<{ data: { data: unknown } }>;
  }
  export function useAPIClient(): ApiClient;
  export class Plugin {
    app: {
      pluginSettingsManager: {
        add(name: string, options: Record<string, unknown>): void;
      };
    };
    load(): Promise<void>;
  }
}
