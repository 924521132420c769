// Ways to fields and to lines of a source.

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
export function goTo(field, line) {
  field.closest("details")?.setAttribute("open", "");
  field.focus();
  field.scrollIntoView({ block: "center" });
  if (!line || field.tagName !== "TEXTAREA") return;
  const lines = field.value.split("\n");
  const begin = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
  field.setSelectionRange(begin, begin + (lines[line - 1]?.length ?? 0));
  field.scrollTop = (line - 3) * parseFloat(getComputedStyle(field).lineHeight);
}
export const fieldOf = (hash) => hash.startsWith("#field-") ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href*='#field-']");
  const field = link && link.pathname === location.pathname ? fieldOf(link.hash) : null;
  if (!field) return;
  // The input is on this page: what was typed stays.
  event.preventDefault();
  goTo(field, Number(new URLSearchParams(link.search).get("line")));
});
