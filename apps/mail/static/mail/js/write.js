/* Messages are written in windows of this page, where that is preferred and there is room. Else links do what they do. */
import { $ } from "../../portal/js/portal.js";

const WRITES = /\/(@\/compose|\d+\/(reply|forward|edit)[\w-]*)\/$/;
const load = () => import("./windows.js");

export const inWindows = () => $("[data-windows]") && matchMedia("(min-width: 64rem)").matches;

if (sessionStorage.windows && inWindows()) load().then(({ restore }) => restore());

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !WRITES.test(link.pathname) || link.closest("#compose") || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || !inWindows()) return;
  event.preventDefault();
  load().then(({ open }) => open(link.href)).catch(() => location.assign(link.href));
});

/** An answer says where to write. */
document.addEventListener("write", ({ detail: { url } }) => (inWindows() ? load().then(({ open }) => open(url)) : location.assign(url)));
