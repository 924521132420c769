// Unsaved changes: the browser asks before they are lost, and a copy is kept in this browser until a page says that they
// are stored. A copy belongs to a person, a form and its thing. Another person at this browser does not see it, and the
// sign-out removes it.

import { base, buttonOf, isChoice } from "./page.js";

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
