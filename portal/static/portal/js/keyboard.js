/* The preferences' page of keys: a field takes what is pressed in it. */
import { $, $$ } from "./dom.js";
import { PAUSE, written } from "./keys.js";

const LEAVE = new Set(["Tab", "Shift", "Control", "Alt", "Meta", "AltGraph", "CapsLock", "Dead", "Process", "Unidentified"]);
const hint = $("[data-hint]");
if (hint) hint.hidden = false;

for (const field of $$("[data-keys-of]")) {
  let last = -Infinity;
  field.addEventListener("keydown", (event) => {
    if (LEAVE.has(event.key) || event.isComposing || (event.key === "Enter" && !event.ctrlKey)) return;
    event.preventDefault();
    const goesOn = event.timeStamp - last < PAUSE && field.value && !field.value.includes(" ");
    last = event.timeStamp;
    if (event.key === "Backspace") field.value = "";
    else field.value = goesOn ? `${field.value} ${written(event)}` : written(event);
  });
}

/* Another preset brings its own keys, which the server knows. */
for (const radio of $$("[name=preset]")) radio.addEventListener("change", () => radio.form.requestSubmit());
