import { defaultBackendUrl } from "../../toolchain/backend";

/** What a backend URL stands for, without credentials that it may hold. */
export function backendKind(projectDir: string, url: string): string {
  if (url === defaultBackendUrl(projectDir)) return `files in the project (${url})`;
  return url.replace(/\/\/[^@/]*@/, "//").replace(/\?.*$/, "");
}
