import { base } from "./page.js";

// Shortcuts, which never fire while somebody types.
const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;
const pages = { o: "", s: "send", n: "notifications", r: "recipients", t: "templates", c: "campaigns", a: "analytics", p: "rollout" };
let isGoing = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (isGoing && event.key in pages) {
    location.assign(pages[event.key] ? `${base}/${pages[event.key]}` : base);
  } else if (event.key === "/") {
    event.preventDefault();
    document.getElementById("search")?.focus();
  } else if (event.key === "?") {
    help();
  }
  isGoing = event.key === "g";
});

// The shortcuts can be found without knowing one of them.
const helpButton = document.getElementById("help-button");
if (helpButton) {
  helpButton.hidden = false;
  helpButton.addEventListener("click", help);
}

function help() {
  let dialog = document.getElementById("help");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.id = "help";
    dialog.setAttribute("aria-labelledby", "help-title");
    const title = document.createElement("h2");
    title.id = "help-title";
    title.textContent = "Shortcuts";
    const list = document.createElement("dl");
    const rows = [["/", "search"], ["?", "this help"], ...Object.entries(pages).map(([key, page]) => [`g ${key}`, page || "overview"])];
    for (const [keys, meaning] of rows) {
      const term = document.createElement("dt");
      term.textContent = keys;
      const text = document.createElement("dd");
      text.textContent = meaning;
      list.append(term, text);
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.append(title, list, close);
    document.body.append(dialog);
  }
  dialog.showModal();
}
