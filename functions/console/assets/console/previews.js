// Previews while typing.

import { base, buttonOf, parsed } from "./page.js";

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
