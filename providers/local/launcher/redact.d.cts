export function redact(value: unknown, depth?: number): unknown;
export function redactRequestLog(requireFromRelease: NodeJS.Require): void;
