/* The self-test page: counts the rows as they arrive, puts the worst first when all are there, copies commands. */
import { toast } from "./portal.js";

const page = document.querySelector("#selftest");
const rows = page.querySelector("[data-rows]");
const tiles = page.querySelector("[data-tiles]");
const report = page.querySelector("[data-copy-report]");
const RANK = { error: 0, warning: 1, ok: 2 };

function update() {
  const done = [...rows.querySelectorAll("tr[data-level]")];
  /* The clipboard is there on https and on this machine only. */
  for (const copy of rows.querySelectorAll("[data-copy][hidden]")) copy.hidden = !navigator.clipboard;
  if (!tiles) return;
  tiles.hidden = false;
  for (const count of tiles.querySelectorAll("[data-count]")) {
    count.textContent = done.filter((row) => row.dataset.level === count.dataset.count).length;
  }
  if (rows.querySelector("tr:not([data-level])")) return;
  watcher.disconnect();
  rows.append(...done.sort((a, b) => RANK[a.dataset.level] - RANK[b.dataset.level]));
  report.hidden = !navigator.clipboard;
  const state = page.querySelector("[data-state]");
  state.textContent = state.dataset.done;
}

const watcher = new MutationObserver(update);
watcher.observe(rows, { childList: true });
update();

page.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy], [data-copy-report]");
  if (!button) return;
  const text = button === report ? rows.innerText : button.parentElement.querySelector("code").textContent;
  navigator.clipboard.writeText(text).then(() => toast(report?.dataset.copied ?? ""));
});
