import { serve } from "../kit/server";
import { definition } from "./definition";

serve(definition);
