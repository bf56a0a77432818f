/** A small typed client for one NocoBase 2.2 and the applications in it. */
export * from "./applications";
export { adoptLogo } from "./logo";
export { baseUrl, NocoBaseError, Unreachable } from "./http";
export { type Account, type Call, Session, SignInRefused } from "./session";
export { addRoute } from "./routes";
export { ensureUploadFolder } from "./storages";
export { adoptTitle } from "./title";
export * from "./registered";
export * from "./requests";
export * from "./users";
export { pause, POLL_MS, until } from "./wait";
