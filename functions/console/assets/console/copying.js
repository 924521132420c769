import { announce, buttonOf } from "./page.js";

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
