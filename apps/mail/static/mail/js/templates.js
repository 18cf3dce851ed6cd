// Templates: put in where the cursor is, and kept without leaving the page. Without this module the form does both.
import { toast } from "../../portal/js/portal.js";
import { split } from "./addresses.js";

export function templates(form, post) {
  const menu = form.querySelector("[data-templates]");
  if (!menu) return;
  const { text } = form.elements;
  let begun = document.activeElement === text; // the cursor is where the writer has put it
  text.addEventListener("focus", () => { begun = true; });

  menu.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    event.preventDefault();
    if (button.name === "template") putIn(button);
    else keep(button);
  });
  menu.querySelector("input").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // it would press the form's first button
    keep(menu.querySelector("button[value=keep]"));
  });
  // What is typed there is no part of the message.
  menu.addEventListener("input", (event) => event.stopPropagation());

  async function putIn(button) {
    const { to, subject, identity, csrfmiddlewaretoken } = form.elements;
    const body = new URLSearchParams({ to: to.value, subject: subject.value, identity: identity.value, csrfmiddlewaretoken: csrfmiddlewaretoken.value });
    button.setAttribute("aria-busy", "true");
    const answer = await fetch(menu.dataset.templates.replace("/0/", `/${button.value}/`), { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => null);
    button.removeAttribute("aria-busy");
    if (!answer?.ok || !answer.headers.get("Content-Type")?.startsWith("application/json")) {
      toast(menu.dataset.gone, { level: "error" });
      return;
    }
    const filled = await answer.json();
    menu.open = false;
    if (!subject.value) subject.value = filled.subject;
    if (!to.value && filled.to) to.dispatchEvent(new CustomEvent("recipients:set", { detail: split(filled.to) }));
    if (form.classList.contains("rich")) form.dispatchEvent(new CustomEvent("compose:insert", { detail: filled }));
    else insert(filled.text);
    form.dispatchEvent(new Event("compose:changed"));
  }

  function insert(words) {
    if (!begun) {
      const signature = text.value.lastIndexOf("\n\n-- \n");
      const place = form.dataset.below ? (signature < 0 ? text.value.length : signature) : 0;
      text.setSelectionRange(place, place);
    }
    text.focus();
    // As if it were typed, so that it can be taken back with the keys; where a browser cannot, it is put in all the same.
    if (!document.execCommand("insertText", false, words)) text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
  }

  async function keep(button) {
    form.dispatchEvent(new Event("compose:collect"));
    const data = new FormData(form);
    data.delete("files");
    data.set("action", "keep");
    button.setAttribute("aria-busy", "true");
    const answer = await post(data).catch(() => null);
    button.removeAttribute("aria-busy");
    const told = answer?.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : {};
    if (!told.key) {
      toast(told.error ?? document.getElementById("toasts")?.dataset.failed, { level: "error" });
      return;
    }
    const line = menu.querySelector("template[data-new]").content.cloneNode(true);
    line.querySelector("button").value = told.key;
    line.querySelector("span").textContent = told.name;
    menu.querySelector("[data-none]")?.remove();
    menu.querySelector("[data-list]").append(line);
    menu.querySelector("input").value = "";
    menu.open = false;
    menu.querySelector("summary").focus();
    toast(told.text);
  }
}
