// Attachments by button, by drop and from the clipboard, each with its progress; what does not fit is told before a byte
// goes out. Without this module the file field is sent with the form.

import { askToSignIn, toast } from "../../portal/js/portal.js";

const units = ["byte", "kilobyte", "megabyte", "gigabyte"];

/** As the server writes sizes: a kilobyte has 1024 octets. */
function size(bytes) {
  const step = bytes ? Math.min(3, Math.floor(Math.log2(bytes) / 10)) : 0;
  const format = new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit", unit: units[step], unitDisplay: "short", maximumSignificantDigits: 3,
  });
  return format.format(bytes / 1024 ** step);
}

/** The name of a file in the form: drafts give their files new ones. */
export function rename(item, token) {
  item.dataset.token = token;
  item.querySelector("input[name=attachment]").value = token;
  const remove = item.querySelector("button[name=remove]");
  if (remove) remove.value = token;
}

export function attachments(form) {
  const list = form.querySelector("[data-attachments]");
  const input = form.querySelector("input[type=file]");
  let limit = Number(form.dataset.limit);

  function item(file) {
    const node = form.querySelector("template[data-up]").content.cloneNode(true).firstElementChild;
    node.querySelector("[data-name]").textContent = file.name;
    node.dataset.state = "uploading";
    node.dataset.size = file.size;
    list.append(node);
    return node;
  }

  /** Octets of all that is attached or on its way. */
  function total() {
    const counted = [...list.querySelectorAll(".up:not([hidden], [data-state=failed])")];
    return counted.reduce((sum, node) => sum + Number(node.dataset.size ?? 0), 0);
  }

  function tellTotal() {
    const sum = total();
    const place = form.querySelector("[data-total]");
    place.textContent = sum ? place.dataset.total.replace("%s", size(sum)) : "";
  }

  function fail(node, file, text, place) {
    node.dataset.state = "failed";
    tellTotal();
    const state = node.querySelector("[data-state-text]");
    state.textContent = text;
    state.className = "c-bad";
    node.querySelector("progress")?.remove();
    const again = node.querySelector("[data-again]");
    again.hidden = false;
    again.onclick = () => { node.remove(); send(file, place); };
  }

  /** `place`: it is a picture for the text, and this puts it there. */
  function send(file, place) {
    const before = total();
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
    if (before + file.size > limit) {
      fail(node, file, form.dataset.tooMuch.replace("%s", size(limit)), place);
      remove.onclick = () => node.remove();
      return;
    }
    tellTotal();
    const data = new FormData();
    data.append("files", file, file.name);
    if (place) data.append("in_text", "1");
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
      if (request.status !== 201) { fail(node, file, request.status === 413 ? form.dataset.tooLarge.replace("%s", size(limit)) : form.dataset.failed, place); return; }
      const done = attached(request.responseText, node);
      if (done.dataset.shownAt) place?.(done);
    });
    request.addEventListener("error", () => fail(node, file, form.dataset.failed, place));
    request.addEventListener("abort", () => { node.remove(); tellTotal(); });
    remove.onclick = () => (request.readyState < 4 ? request.abort() : node.remove());
    request.send(data);
  }

  /** The writer's own card, which the server has. */
  const card = form.querySelector("[data-card]");
  card?.addEventListener("click", async (event) => {
    event.preventDefault();
    if (card.ariaBusy === "true") return;
    card.ariaBusy = "true";
    const data = new FormData(form);
    data.delete("files");
    data.set("action", "card");
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: data, headers: { Accept: "application/json" } }).catch(() => null);
    card.ariaBusy = null;
    if (answer?.status === 401) askToSignIn();
    else if (answer?.headers.get("Content-Type")?.startsWith("application/json")) toast((await answer.json()).text, { level: "warning" });
    else if (answer?.status !== 201) toast(form.dataset.failed, { level: "error" });
    else attached(await answer.text());
  });

  /** The line of a file that is there. */
  function attached(html, node = null) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html; // html: the fragment our own server has escaped
    const done = fresh.content.firstElementChild;
    if (node) node.replaceWith(done);
    else list.append(done);
    form.dispatchEvent(new Event("compose:changed"));
    const name = done.querySelector(".ell").textContent;
    form.querySelector("[data-status]").textContent = `${name}: ${done.querySelector("[data-state-text]").textContent}`;
    return done;
  }

  const sendChosen = () => {
    for (const file of input.files) send(file);
    input.value = "";
  };
  input.addEventListener("change", sendChosen);
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
    if (node.dataset.cid) form.dispatchEvent(new CustomEvent("compose:picture-gone", { detail: node.dataset.cid }));
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
    for (const file of event.dataTransfer.files) send(file);
  });
  // Beside plain text there is no place for a picture: it goes along as a file.
  form.addEventListener("paste", (event) => {
    const { files, types } = event.clipboardData;
    if (!files.length || types.includes("text/plain")) return;
    event.preventDefault();
    for (const file of files) send(file);
  });
  form.addEventListener("compose:files", ({ detail }) => { for (const file of detail.files) send(file, detail.place); });
  form.addEventListener("compose:changed", tellTotal);
  tellTotal();
  sendChosen(); // what was chosen before this module was there
  if (form.dataset.askLimit) askLimit();

  /** The server for sending may take less than the site does. */
  async function askLimit() {
    const answer = await fetch(form.dataset.askLimit, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok || !answer.headers.get("Content-Type").startsWith("application/json")) return;
    const told = await answer.json();
    limit = told.limit;
    if (told.reports) form.querySelector("[data-reports]").hidden = false;
    for (const place of form.querySelectorAll("[data-limit-text]")) place.textContent = told.text;
    for (const button of form.querySelectorAll("[data-pick][title]")) button.title = `${button.ariaLabel}. ${told.text}`;
  }
}
