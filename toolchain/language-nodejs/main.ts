/**
 * `pulumi-language-nodejs` for engines that came without one (built from Go modules: the official host is in a module
 * of its own, which no module proxy serves). It runs programs; it generates no code.
 */
import { serve } from "./host";

serve(process.argv.slice(2));
