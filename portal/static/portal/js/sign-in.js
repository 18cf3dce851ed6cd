/* The sign-in page: show the password, warn of Caps Lock, tell the time zone. The form works without any of it. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const home = new URL(document.querySelector(".login-top a").href).pathname;
if (zone) document.cookie = `tz=${zone}; path=${home}; max-age=31536000; SameSite=Lax`;

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
    field.focus();
  });
  field.form.addEventListener("submit", () => (field.type = "password")); // so that browsers offer to keep it
  const caps = document.querySelector("[data-caps]");
  field.addEventListener("keyup", (event) => (caps.hidden = !event.getModifierState?.("CapsLock")));
}
const fields = [...document.querySelectorAll(".lcard input:not([type=hidden])")];
(fields.find((field) => field.matches("[aria-invalid=true]")) ?? fields.find((field) => !field.value) ?? fields[0])?.focus();
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
