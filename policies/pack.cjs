"use strict";
// What the engine starts. `fleet` has made one file of the policies; plain `pulumi` may find their sources alone. Of
// those tsx takes care, since the runner's ts-node would check types at every preview.
const bundle = process.env.NOCOBASE_FLEET_POLICY_BUNDLE;
if (bundle) require(bundle);
else {
  require("tsx/cjs");
  require("./pack.ts");
}
