export { PluginSupervisor as default } from "./plugin";
