import { lineProgress } from "../../toolchain/progress";
import { setupToolchain } from "../../toolchain/setup";

/** `fleet setup`: afterwards plain `pulumi up` runs the same program. */
export async function setup(): Promise<void> {
  const lines = await setupToolchain({ progress: lineProgress((line) => console.log(line)) });
  for (const line of lines) console.log(line);
}
