import { serve } from "../../../providers/kit/server";
import { definition } from "./definition";

serve(definition);
