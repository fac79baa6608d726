// Questions in general.

import { AskDesk } from "./ask-desk.js";
import { byId } from "./dom.js";

new AskDesk(byId("ask"));
