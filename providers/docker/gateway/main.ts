// The gateway's program in its container: `gateway.cjs <routes.json> <folder of tenants' files>`.
import { main } from "../../local/gateway/main";

void main(process.argv[2], undefined, process.argv[3]);
