/* The one dialog of mail pages: what is swapped into it opens it, what closes it empties it. */

const box = () => document.getElementById("mail-dialog");

if (!box()) {
  const made = Object.assign(document.createElement("dialog"), { id: "mail-dialog" });
  made.setAttribute("aria-labelledby", "mail-dialog-title");
  document.getElementById("main")?.append(made);
}

document.addEventListener("htmx:after:swap", () => {
  const dialog = box();
  if (!dialog?.firstElementChild) return;
  if (!dialog.open) dialog.showModal();
  if (!dialog.contains(document.activeElement)) dialog.querySelector("[aria-invalid=true], [autofocus], input:not([type=hidden]), button")?.focus();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("#mail-dialog [data-close]")) return;
  box().close();
  event.preventDefault();
});

document.addEventListener("close", ({ target }) => target.id === "mail-dialog" && target.replaceChildren(), true);
