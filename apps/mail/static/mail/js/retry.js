/* A page or pane that says the mail server is away goes on by itself soon after its return. */
import { askToSignIn } from "../../portal/js/portal.js";

const PAUSE = 7000; // ms between tries
const away = () => document.querySelector("a[data-retry]");
let timer = null;

function watch() {
  clearTimeout(timer);
  if (away() && !document.hidden) timer = setTimeout(ask, PAUSE * (0.8 + Math.random() / 5));
}

async function ask() {
  const link = away();
  if (!link) return;
  const headers = { "HX-Request": "true", "X-Portal-Background": "yes" };
  const answer = await fetch(link.dataset.retry, { headers }).catch(() => null);
  if (answer?.status === 401) return askToSignIn();
  if (!answer?.ok || !link.isConnected) return watch();
  const pane = link.closest("#list, #reading");
  if (pane) window.htmx.ajax("GET", link.href, { target: `#${pane.id}`, swap: "outerHTML" });
  else location.replace(link.href);
}

document.addEventListener("htmx:after:swap", watch);
document.addEventListener("signed-in", ask);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : ask()));
watch();
