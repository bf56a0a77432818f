/** The plugin: `pulumi-resource-NAME`, whose own file name says which package it is. */
import * as path from "node:path";
import { serve } from "../../providers/kit/server";
import { instantDefinition, instantPackages, type InstantPackage } from "./definitions";

const name = path.basename(process.argv[1] ?? "").replace(/^pulumi-resource-/, "");
if (!(name in instantPackages)) throw new Error(`no instant provider is called "${name}"`);
serve(instantDefinition(name as InstantPackage, "0.0.0"));
