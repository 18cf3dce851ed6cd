// Attachments by button and by drop, each with its progress. Without this module the file field is sent with the form.

import { askToSignIn } from "../../portal/js/portal.js";

const units = ["byte", "kilobyte", "megabyte", "gigabyte"];

function size(bytes) {
  const step = bytes ? Math.min(3, Math.floor(Math.log10(bytes) / 3)) : 0;
  const format = new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit", unit: units[step], unitDisplay: "short", maximumSignificantDigits: 3,
  });
  return format.format(bytes / 1000 ** step);
}

export function attachments(form) {
  const list = form.querySelector("[data-attachments]");
  const input = form.querySelector("input[type=file]");
  const limit = Number(form.dataset.limit);

  function item(file) {
    const node = form.querySelector("template[data-up]").content.cloneNode(true).firstElementChild;
    node.querySelector("[data-name]").textContent = file.name;
    node.dataset.state = "uploading";
    list.append(node);
    return node;
  }

  function fail(node, file, text) {
    node.dataset.state = "failed";
    const state = node.querySelector("[data-state-text]");
    state.textContent = text;
    state.className = "c-bad";
    node.querySelector("progress")?.remove();
    const again = node.querySelector("[data-again]");
    again.hidden = false;
    again.onclick = () => { node.remove(); send(file); };
  }

  function send(file) {
    const node = item(file);
    const state = node.querySelector("[data-state-text]");
    const bar = node.querySelector("progress");
    const remove = node.querySelector("[data-remove]");
    if (file.size > limit) {
      fail(node, file, form.dataset.tooLarge.replace("%s", size(limit)));
      node.querySelector("[data-again]").hidden = true;
      remove.onclick = () => node.remove();
      return;
    }
    const data = new FormData();
    data.append("files", file, file.name);
    data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.uploads);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      bar.max = event.total;
      bar.value = event.loaded;
      state.textContent = form.dataset.progress.replace("%(sent)s", size(event.loaded)).replace("%(total)s", size(event.total));
    });
    request.addEventListener("load", () => {
      if (request.status === 401) askToSignIn();
      if (request.status !== 201) { fail(node, file, request.status === 413 ? form.dataset.tooLarge.replace("%s", size(limit)) : form.dataset.failed); return; }
      const fresh = document.createElement("template");
      fresh.innerHTML = request.responseText; // html: the fragment our own server has escaped
      const done = fresh.content.firstElementChild;
      node.replaceWith(done);
      form.dispatchEvent(new Event("compose:changed"));
      form.querySelector("[data-status]").textContent = `${file.name}: ${done.querySelector("[data-state-text]").textContent}`;
    });
    request.addEventListener("error", () => fail(node, file, form.dataset.failed));
    request.addEventListener("abort", () => node.remove());
    remove.onclick = () => (request.readyState < 4 ? request.abort() : node.remove());
    request.send(data);
  }

  input.addEventListener("change", () => {
    [...input.files].forEach(send);
    input.value = "";
  });
  form.querySelector("button[value=attach]")?.setAttribute("hidden", "");
  input.hidden = true;
  form.querySelectorAll("[data-pick]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => input.click());
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=remove]");
    if (!button) return;
    event.preventDefault();
    const node = button.closest("[data-token]");
    const next = node.nextElementSibling?.querySelector("button") ?? form.querySelector("[data-pick]");
    node.remove();
    form.dispatchEvent(new Event("compose:changed"));
    next?.focus();
  });

  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  form.addEventListener("dragenter", (event) => { if (carriesFiles(event)) { depth++; form.classList.add("dropping"); } });
  form.addEventListener("dragleave", (event) => { if (carriesFiles(event) && --depth <= 0) { depth = 0; form.classList.remove("dropping"); } });
  form.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  form.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    form.classList.remove("dropping");
    [...event.dataTransfer.files].forEach(send);
  });
}
