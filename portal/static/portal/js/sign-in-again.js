/* The dialog in which somebody whose session is over signs in again. portal.js loads this module when it is needed. */
import { $ } from "./dom.js";

const dialog = $("#sign-in-again");
let interrupted = [];

export async function ask(ctx, toast) {
  if (!dialog) return location.reload();
  if (ctx) interrupted.push(ctx);
  if (dialog.open || dialog.dataset.loading) return;
  dialog.dataset.loading = "yes";
  const answer = await fetch(dialog.dataset.url, { headers: { "HX-Request": "true" } });
  delete dialog.dataset.loading;
  if (!answer.ok) return toast($("#toasts").dataset.failed, { level: "error" });
  showForm(await answer.text());
  dialog.showModal();
}

dialog?.addEventListener("close", () => (interrupted = []));

function showForm(html) {
  const body = $("[data-body]", dialog);
  body.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  body.querySelectorAll("form").forEach((form) => form.addEventListener("submit", signIn));
  $("[autofocus]", body)?.focus();
}

async function signIn(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const answer = await send(form);
  if (answer.status !== 204) return showForm(await answer.text());
  if (answer.headers.get("X-Portal-Account") !== document.body.dataset.account) return location.reload(); // somebody else
  renewToken(answer.headers.get("X-CSRFToken"));
  const again = interrupted;
  dialog.close();
  document.dispatchEvent(new CustomEvent("signed-in"));
  again.forEach(repeat);
}

/* A form that asks whether somebody has signed in elsewhere meanwhile has no token: that would be the old one. */
function send(form) {
  const headers = { "HX-Request": "true" };
  if (form.method === "post") return fetch(form.action, { method: "POST", body: new FormData(form), headers });
  return fetch(`${form.action}?${new URLSearchParams(new FormData(form))}`, { headers });
}

/* The token changes with every sign-in: the forms of this page must send the new one. */
function renewToken(token) {
  if (!token) return;
  $('meta[name="csrf-token"]').content = token;
  document.querySelectorAll('input[name="csrfmiddlewaretoken"]').forEach((input) => (input.value = token));
}

function repeat({ sourceElement, sourceEvent }) {
  if (!sourceElement?.isConnected) return;
  if (sourceEvent?.type === "submit") sourceElement.requestSubmit(sourceEvent.submitter);
  else if (sourceEvent) window.htmx.trigger(sourceElement, sourceEvent.type);
}
