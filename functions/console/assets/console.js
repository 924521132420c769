// Script of the console. Each part adds to a page that works without it: live blocks, shortcuts, unsaved changes, copying.

const policy = globalThis.trustedTypes?.createPolicy("console", { createHTML: (html) => html });
const base = document.body.dataset.base;
const announcer = document.getElementById("announcer");
const parsed = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
const announce = (text) => { announcer.textContent = text; };

// The browser's zone, for "My time".
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) {
  document.cookie = `console-my-zone=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax; Secure`;
}

// Live blocks: <section data-live="10" id="..."> is replaced by the same block of the page, fetched again.
function startLive(block) {
  const seconds = Number(block.dataset.live);
  const status = document.createElement("p");
  status.className = "live-status";
  const text = document.createElement("span");
  const pause = document.createElement("button");
  pause.type = "button";
  status.append(text, pause);
  block.before(status);
  let updated = Date.now();
  let isPaused = false;
  let summary = block.dataset.summary ?? "";
  const show = () => {
    const age = Math.round((Date.now() - updated) / 1000);
    text.textContent = isPaused ? `Paused; updated ${age} s ago` : `Updated ${age} s ago`;
    pause.textContent = isPaused ? "Resume updates" : "Pause updates";
  };
  pause.addEventListener("click", () => { isPaused = !isPaused; show(); });
  const refresh = async () => {
    if (isPaused || document.hidden || block.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok || answer.redirected) return;
      const fresh = parsed(await answer.text()).getElementById(block.id);
      if (!fresh) return;
      block.replaceChildren(...fresh.childNodes);
      updated = Date.now();
      if (fresh.dataset.summary && fresh.dataset.summary !== summary) {
        summary = fresh.dataset.summary;
        announce(summary);
      }
    } catch {
      // The next turn tries again; the age of the block shows that it is old.
    }
  };
  setInterval(show, 1000);
  setInterval(refresh, seconds * 1000);
  show();
}
document.querySelectorAll("[data-live]").forEach(startLive);

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

// Unsaved changes: the browser asks before they are lost, and a copy is kept in this browser until they are saved.
for (const form of document.querySelectorAll("form[data-guard]")) {
  const key = `console-draft:${location.pathname}${location.search}:${form.dataset.guard}`;
  const fields = () => [...form.elements].filter((field) => field.name && !["csrf", "action", "key"].includes(field.name) && field.type !== "submit" && field.type !== "button");
  let isChanged = false;
  const stored = localStorage.getItem(key);
  if (stored && !document.getElementById("problem")) {
    const offer = document.createElement("p");
    offer.className = "hint";
    offer.textContent = "Changes that were not saved are kept in this browser. ";
    const restore = document.createElement("button");
    restore.type = "button";
    restore.textContent = "Restore them";
    const discard = document.createElement("button");
    discard.type = "button";
    discard.textContent = "Discard them";
    restore.addEventListener("click", () => {
      const values = JSON.parse(stored);
      for (const field of fields()) {
        if (!(field.name in values)) continue;
        if (field.type === "checkbox" || field.type === "radio") field.checked = values[field.name].includes(field.value);
        else field.value = values[field.name][0] ?? "";
      }
      isChanged = true;
      offer.remove();
      form.dispatchEvent(new Event("input", { bubbles: true }));
    });
    discard.addEventListener("click", () => { localStorage.removeItem(key); offer.remove(); });
    offer.append(restore, " ", discard);
    form.before(offer);
  }
  form.addEventListener("input", () => {
    isChanged = true;
    const values = {};
    for (const field of fields()) {
      values[field.name] ??= [];
      if ((field.type === "checkbox" || field.type === "radio") && !field.checked) continue;
      values[field.name].push(field.value);
    }
    localStorage.setItem(key, JSON.stringify(values));
  });
  form.addEventListener("submit", (event) => {
    // A button that fills a frame leaves the page as it is.
    if (event.submitter?.formTarget) return;
    isChanged = false;
    if (form.dataset.kept !== "yes") localStorage.removeItem(key);
  });
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
}

// Previews while typing: a form with data-preview="id" sends its preview action and replaces the block with that id.
for (const form of document.querySelectorAll("form[data-preview]")) {
  let timer;
  let isRunning = false;
  let isDue = false;
  const update = async () => {
    if (isRunning) { isDue = true; return; }
    isRunning = true;
    try {
      const body = new URLSearchParams(new FormData(form));
      body.set("action", "preview");
      // Not form.action: the form's buttons are named so.
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body, credentials: "same-origin" });
      const fresh = parsed(await answer.text()).getElementById(form.dataset.preview);
      const block = document.getElementById(form.dataset.preview);
      if (fresh && block) block.replaceWith(document.importNode(fresh, true));
    } catch {
      // The button of the form shows the preview as well.
    }
    isRunning = false;
    if (isDue) { isDue = false; update(); }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(update, 500); });
}

// A button to copy each command.
for (const command of document.querySelectorAll(".curl pre, pre.copy")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => { await navigator.clipboard.writeText(command.textContent); announce("Copied"); });
  command.before(button);
}

// Links of a problem lead to fields; the summary itself takes the focus first.
document.getElementById("problem")?.focus();
