// What every part of the script uses: the page, its messages, and its fields.

const policy = globalThis.trustedTypes?.createPolicy("console", { createHTML: (html) => html });
const announcer = document.getElementById("announcer");

export const base = document.body.dataset.base;
export const parsed = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
export const announce = (text) => { announcer.textContent = text; };
export const isChoice = (field) => field.type === "checkbox" || field.type === "radio";

export function buttonOf(label, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", press);
  return button;
}
