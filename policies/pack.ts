import { PolicyPack } from "@pulumi/policy";
import { policies } from "./list";

new PolicyPack("nocobase-fleet", { enforcementLevel: "mandatory", policies });
