// What is to be asked before a message is sent, as a dialog: everything at once. Without this module it stands above.
export function asks(form) {
  const section = form.querySelector("[data-asks]");
  if (!section) return;
  const dialog = document.createElement("dialog");
  const back = section.querySelector("[data-back-to-writing]");
  for (const name of ["aria-labelledby", "aria-describedby"]) {
    dialog.setAttribute(name, section.getAttribute(name));
    section.removeAttribute(name);
  }
  dialog.setAttribute("role", section.getAttribute("role"));
  section.removeAttribute("role");
  section.classList.remove("cnote");
  section.replaceWith(dialog);
  dialog.append(section);
  back.hidden = false;
  back.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", () => dialog.close());
  dialog.showModal();
}
