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

// Name of a part that can be opened; the numbers of its summary may change.
const nameOf = (details) => details.id || details.querySelector("summary")?.textContent.replace(/\d+/g, "");

// Durations as the server writes them: the two largest units.
function spanOf(milliseconds) {
  const seconds = Math.floor(Math.abs(milliseconds) / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}
const distanceOf = (time, now) => (time <= now ? `${spanOf(now - time)} ago` : `in ${spanOf(time - now)}`);
// The age of a block: one unit is enough.
const ageOf = (milliseconds) => spanOf(milliseconds).split(" ").slice(0, 2).join(" ");

// Times keep their distance from now, which is visible beside some of them.
setInterval(() => {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[title]")) time.title = distanceOf(Date.parse(time.dateTime), now);
  for (const text of document.querySelectorAll(".ago[data-at]")) text.textContent = `(${distanceOf(Date.parse(text.dataset.at), now)})`;
}, 5000);

// A chart that is wider than the page shows its newest values first.
function showNewest(part) {
  for (const chart of part.querySelectorAll(".chart:not(.intervals)")) chart.parentElement.scrollLeft = chart.parentElement.scrollWidth;
}
showNewest(document);

// Live blocks: <section data-live="10" id="..."> is replaced by the same block of the page, fetched again. A block without
// data-live is final, and is not fetched any more.
const isEntry = (element) => element?.matches("input:not([type=hidden]), select, textarea") ?? false;
function startLive(block) {
  const status = document.createElement("p");
  status.className = "live-status";
  const text = document.createElement("span");
  const pause = document.createElement("button");
  pause.type = "button";
  status.append(text, pause);
  block.before(status);
  let updated = Date.now();
  let isPaused = false;
  let reason = "";
  let summary = block.dataset.summary ?? "";
  const show = () => {
    const age = `${ageOf(Date.now() - updated)} ago`;
    if (isPaused) text.textContent = `Paused; updated ${age}`;
    else if (!reason) text.textContent = `Updated ${age}`;
    else text.textContent = `Not updated since ${ageOf(Date.now() - updated)}: ${reason}`;
    pause.textContent = isPaused ? "Resume updates" : "Pause updates";
  };
  const signIn = document.createElement("a");
  signIn.href = `${base}/login?to=${encodeURIComponent(location.pathname.slice(base.length + 1) + location.search)}`;
  signIn.textContent = "Sign in";
  const stops = (why, isSignedOut) => {
    reason = why;
    if (isSignedOut) text.after(signIn);
    else signIn.remove();
    show();
  };
  pause.addEventListener("click", () => { isPaused = !isPaused; show(); });
  const replace = (fresh) => {
    const open = new Set([...block.querySelectorAll("details[open]")].map(nameOf));
    // The focus returns to the same link or button.
    const label = (element) => element.tagName + element.textContent.replace(/\d+/g, "") + (element.name ?? "");
    const focused = block.contains(document.activeElement) ? label(document.activeElement) : "";
    block.replaceChildren(...fresh.childNodes);
    for (const details of block.querySelectorAll("details")) details.open ||= open.has(nameOf(details));
    if (focused) [...block.querySelectorAll("a, button, summary, [tabindex]")].find((one) => label(one) === focused)?.focus({ preventScroll: true });
    showNewest(block);
    updated = Date.now();
    if (fresh.dataset.summary && fresh.dataset.summary !== summary) {
      summary = fresh.dataset.summary;
      announce(summary);
    }
  };
  const refresh = async () => {
    if (isPaused || document.hidden) return;
    const isFilled = [...block.querySelectorAll("input:not([type=hidden]), select, textarea")].some((field) => isChoice(field) ? field.checked !== field.defaultChecked : "defaultValue" in field && field.value !== field.defaultValue);
    if (isFilled || (isEntry(document.activeElement) && block.contains(document.activeElement))) {
      stops("a field of it is being filled.", false);
      return;
    }
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) { stops("you are signed out.", true); return; }
      if (!answer.ok) { stops(`the console answered with status ${answer.status}.`, false); return; }
      const fresh = parsed(await answer.text()).getElementById(block.id);
      if (!fresh) { stops("the page has changed. Load it again.", false); return; }
      replace(fresh);
      stops("", false);
      if (!("live" in fresh.dataset)) {
        timers.forEach(clearInterval);
        status.remove();
        // What the notice announced has happened.
        document.querySelector("p.notice")?.remove();
      }
    } catch {
      stops("the console does not answer.", false);
    }
  };
  const timers = [setInterval(show, 1000), setInterval(refresh, Number(block.dataset.live) * 1000)];
  show();
}
document.querySelectorAll("[data-live]").forEach(startLive);

// A notice is about what was just done: the address, and a page that is loaded again, do not have it.
const address = new URL(location.href);
if (address.searchParams.has("done")) {
  address.searchParams.delete("done");
  history.replaceState(history.state, "", address);
}

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

// Unsaved changes: the browser asks before they are lost, and a copy is kept in this browser until a page says that they
// are stored. A copy belongs to a person, a form and its thing. Another person at this browser does not see it, and the
// sign-out removes it.
const SENT = "console-sent";
const sent = sessionStorage.getItem(SENT);
if (sent && "done" in document.body.dataset) {
  localStorage.removeItem(sent);
  sessionStorage.removeItem(SENT);
}
const drafts = `console-draft:${base}:${document.body.dataset.person ?? ""}:`;
const draftKey = (form) => `${drafts}${form.dataset.guard}:${form.dataset.thing ?? ""}`;
for (const form of document.querySelectorAll("form[data-forget]")) {
  form.addEventListener("submit", () => {
    for (const key of Object.keys(localStorage).filter((key) => key.startsWith(drafts))) localStorage.removeItem(key);
  });
}
const isChoice = (field) => field.type === "checkbox" || field.type === "radio";
// Hidden fields belong to the page that is shown: its revision, its key, its token. Only the zone of typed times is kept.
const isTyped = (field) => !["hidden", "submit", "button"].includes(field.type) || "kept" in field.dataset;
const typedFields = (form) => [...form.elements].filter((field) => field.name && isTyped(field));

function typedValues(form) {
  const values = {};
  for (const field of typedFields(form)) {
    values[field.name] ??= [];
    if (!isChoice(field) || field.checked) values[field.name].push(field.value);
  }
  return JSON.stringify(values);
}

function restoreInto(form, values) {
  const places = {};
  for (const field of typedFields(form).filter((field) => field.name in values)) {
    const typed = values[field.name];
    if (isChoice(field)) {
      field.checked = typed.includes(field.value);
    } else {
      places[field.name] ??= 0;
      field.value = typed[places[field.name]++] ?? "";
    }
  }
  for (const label of form.querySelectorAll("[data-zone]")) label.textContent = form.elements.time_zone.value;
}

function buttonOf(label, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", press);
  return button;
}

for (const form of document.querySelectorAll("form[data-guard]")) {
  const key = draftKey(form);
  const stored = localStorage.getItem(key);
  // A page that answers this form shows what was typed, and nothing is stored yet.
  const isAnswer = "answer" in document.body.dataset && sent === key;
  let isChanged = isAnswer && stored !== null;
  if (stored === typedValues(form) && !isAnswer) {
    localStorage.removeItem(key);
  } else if (stored && !isAnswer) {
    const offer = document.createElement("p");
    offer.className = "hint";
    offer.append(
      "Changes that were not saved are kept in this browser. ",
      buttonOf("Restore them", () => {
        restoreInto(form, JSON.parse(stored));
        isChanged = true;
        offer.remove();
        form.dispatchEvent(new Event("input", { bubbles: true }));
      }),
      " ",
      buttonOf("Discard them", () => { localStorage.removeItem(key); offer.remove(); }),
    );
    form.before(offer);
  }
  form.addEventListener("input", () => {
    isChanged = true;
    localStorage.setItem(key, typedValues(form));
  });
  form.addEventListener("submit", (event) => {
    // A button that fills a frame leaves the page as it is.
    if (!event.submitter?.formTarget) isChanged = false;
  });
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.submitter?.formTarget || form.getAttribute("method") !== "post" || "again" in form.dataset) return;
  if ("guard" in form.dataset) sessionStorage.setItem(SENT, draftKey(form));
  else sessionStorage.removeItem(SENT);
});
// A page that offers to send a form once more.
for (const form of document.querySelectorAll("form[data-again]")) {
  let isOpen = sent !== null && localStorage.getItem(sent) !== null;
  form.addEventListener("submit", () => { isOpen = false; });
  addEventListener("beforeunload", (event) => { if (isOpen) event.preventDefault(); });
}

// The frame of the e-mail is filled by the form's button for it. A new frame takes the place of the old one, so that the
// browser's way back does not lead through the frame's contents.
function fillFrame(form, hasEmail) {
  const button = form.querySelector("button[formtarget]");
  const old = button && document.getElementsByName(button.formTarget)[0];
  const part = old?.closest(".email");
  if (!part) return;
  if (!hasEmail) {
    delete part.dataset.filled;
    return;
  }
  const fresh = old.cloneNode();
  old.replaceWith(fresh);
  part.dataset.filled = "";
  form.requestSubmit(button);
}

// A channel that is ticked is one of the person's own choice.
document.addEventListener("change", (event) => {
  const own = event.target.name === "channels" && event.target.checked && event.target.form?.querySelector("input[name=channels_of][value=these]");
  if (!own) return;
  own.checked = true;
  // What is kept of the form has the choice, too.
  own.dispatchEvent(new Event("input", { bubbles: true }));
});

// Previews while typing: a form with data-preview="id" sends its preview action and replaces the block with that id.
for (const form of document.querySelectorAll("form[data-preview]")) {
  let timer;
  let isRunning = false;
  let isDue = false;
  const preview = () => {
    const body = new URLSearchParams(new FormData(form));
    body.set("action", "preview");
    // Not form.action: the form's buttons are named so.
    return fetch(form.getAttribute("action"), { method: "POST", body, credentials: "same-origin" });
  };
  // Says in the block why it does not show what is typed.
  const isStale = (reason, mayLogIn) => {
    const block = document.getElementById(form.dataset.preview);
    block?.querySelector(".stale")?.remove();
    const note = document.createElement("p");
    note.className = "hint stale";
    note.append(`This preview is not up to date: ${reason} `);
    if (mayLogIn) {
      const link = document.createElement("a");
      link.href = `${base}/login`;
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = "Sign in in a new tab";
      note.append(link, " ");
    }
    note.append(buttonOf("Try again", update));
    block?.prepend(note);
  };
  const update = async () => {
    if (isRunning) { isDue = true; return; }
    isRunning = true;
    try {
      let answer = await preview();
      let page = parsed(await answer.text());
      const token = answer.status === 409 && page.querySelector("form[data-again] input[name=csrf]")?.value;
      if (token) {
        // Somebody signed in anew in another tab: the form goes on with that session.
        form.querySelector("input[name=csrf]").value = token;
        answer = await preview();
        page = parsed(await answer.text());
      }
      const fresh = page.getElementById(form.dataset.preview);
      const block = document.getElementById(form.dataset.preview);
      if (fresh) {
        block?.replaceWith(document.importNode(fresh, true));
        fillFrame(form, "email" in fresh.dataset);
        // Inputs that depend on what was chosen, such as those of a template's variables.
        for (const name of (form.dataset.parts ?? "").split(" ").filter(Boolean)) {
          const [own, other] = [document.getElementById(name), page.getElementById(name)];
          if (own && other && own.dataset.of !== other.dataset.of) own.replaceWith(document.importNode(other, true));
        }
      } else if (answer.status === 401 || answer.redirected) {
        isStale("your session has ended.", true);
      } else if (answer.status === 403) {
        isStale("your role does not allow it any more.", true);
      } else {
        isStale(`the console answered with status ${answer.status}.`, false);
      }
    } catch {
      isStale("the console does not answer.", false);
    }
    isRunning = false;
    if (isDue) { isDue = false; update(); }
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(update, 500); });
  const shown = document.getElementById(form.dataset.preview);
  if (shown && "email" in shown.dataset) fillFrame(form, true);
}

// Source with line numbers. A link to a line, such as ?line=2#field-parts.en.sms.text, selects it.
for (const area of document.querySelectorAll("textarea[data-lines]")) {
  const box = document.createElement("div");
  box.className = "numbered";
  const numbers = document.createElement("pre");
  numbers.setAttribute("aria-hidden", "true");
  area.before(box);
  box.append(numbers, area);
  area.wrap = "off";
  const show = () => {
    numbers.textContent = area.value.split("\n").map((_, place) => place + 1).join("\n");
    numbers.scrollTop = area.scrollTop;
  };
  area.addEventListener("input", show);
  area.addEventListener("scroll", () => { numbers.scrollTop = area.scrollTop; });
  show();
}
function goTo(field, line) {
  field.closest("details")?.setAttribute("open", "");
  field.focus();
  field.scrollIntoView({ block: "center" });
  if (!line || field.tagName !== "TEXTAREA") return;
  const lines = field.value.split("\n");
  const begin = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
  field.setSelectionRange(begin, begin + (lines[line - 1]?.length ?? 0));
  field.scrollTop = (line - 3) * parseFloat(getComputedStyle(field).lineHeight);
}
const fieldOf = (hash) => hash.startsWith("#field-") ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href*='#field-']");
  const field = link && link.pathname === location.pathname ? fieldOf(link.hash) : null;
  if (!field) return;
  // The input is on this page: what was typed stays.
  event.preventDefault();
  goTo(field, Number(new URLSearchParams(link.search).get("line")));
});

// A button to copy each command, and what support asks for.
for (const command of document.querySelectorAll(".curl pre, pre.copy, code.copy")) {
  const button = buttonOf("Copy", async () => {
    try {
      await navigator.clipboard.writeText(command.textContent);
      announce("Copied");
    } catch {
      // The browser does not allow it: the person copies what is selected.
      getSelection().selectAllChildren(command);
      announce("Not copied: the browser does not allow it. The text is selected; press Ctrl+C or Cmd+C.");
      button.textContent = "Selected: press Ctrl+C";
    }
  });
  if (command.tagName === "PRE") {
    command.before(button);
  } else {
    button.className = "copying";
    button.setAttribute("aria-label", `Copy ${command.textContent}`);
    command.after(" ", button);
  }
}

// Links of a problem lead to fields; the summary itself takes the focus first. A link to a line goes before it.
const wanted = fieldOf(location.hash);
if (wanted) goTo(wanted, Number(new URLSearchParams(location.search).get("line")));
else document.getElementById("problem")?.focus();
