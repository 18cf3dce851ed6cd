// The form that sends a message on: completion of addresses, and nothing sent by an Enter in the field.
import { recipients } from "./recipients.js";

const form = document.getElementById("redirect");
form.classList.add("live");
form.querySelectorAll("[data-recipients]").forEach(recipients);
form.addEventListener("submit", (event) => {
  if (form.dataset.busy) event.preventDefault();
  form.dataset.busy = "1";
});
addEventListener("pageshow", () => { delete form.dataset.busy; });
form.querySelector(".rc-in").focus();
