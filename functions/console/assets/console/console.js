// Script of the console. Each part adds to a page that works without it. The build joins the parts to one file: see build.rs.

import "./times.js";
import "./live_blocks.js";
import "./shortcuts.js";
import "./drafts.js";
import "./previews.js";
import "./copying.js";
import { fieldOf, goTo } from "./fields.js";

// A notice is about what was just done: the address, and a page that is loaded again, do not have it.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(history.state, "", address);
}

// Links of a problem lead to fields; the summary itself takes the focus first. A link to a line goes before it.
const wanted = fieldOf(location.hash);
if (wanted) goTo(wanted, Number(new URLSearchParams(location.search).get("line")));
else document.getElementById("problem")?.focus();
