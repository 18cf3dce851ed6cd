// The form of an identity: a rich signature is written in the editor of the writing page. Plain text needs no script.
const form = document.getElementById("identity");
const choice = form.querySelectorAll("input[name=format]");
const rich = () => form.querySelector("input[name=format]:checked")?.value === "html";
const frame = form.querySelector("[data-rich]");

async function edit(focus) {
  frame.hidden = false;
  const { editor } = await import("./editor.js");
  await editor({ focus });
}

if (choice.length) {
  form.querySelector("[data-formats]").hidden = false;
  choice.forEach((radio) => radio.addEventListener("change", async () => {
    if (rich()) { edit(true); return; }
    const { mayBecomePlain } = await import("./editor.js");
    if (!await mayBecomePlain()) { form.querySelector("input[name=format][value=html]").checked = true; return; }
    form.dispatchEvent(new Event("compose:plain"));
    frame.hidden = true;
  }));
  if (rich()) edit(false);
}
