// Blocks that are loaded again while the page is open.

import { announce, base, isChoice, parsed } from "./page.js";
import { ageOf } from "./times.js";

// Name of a part that can be opened; the numbers of its summary may change.
const nameOf = (details) => details.id || details.querySelector("summary")?.textContent.replace(/\d+/g, "");

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
