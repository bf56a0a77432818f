export { PluginCluster, PluginCluster as default } from "./plugin";
