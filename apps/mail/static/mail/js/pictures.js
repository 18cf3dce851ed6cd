// Pictures in rich text: pasted, dropped, or brought along by pasted HTML. Each is uploaded and stands in the text by an
// address that ends in #cid=…, from which the server makes the message's own picture. One that is taken out of the text
// leaves the list of files too, and comes back with "undo".
import { rename } from "./attachments.js";

const WIDE = 640; // beyond this a picture is made narrower, for the sake of whoever reads it
const DATA = /^data:(image\/(?:png|jpe?g|gif|webp|avif));base64,([A-Za-z0-9+/=\s]+)$/i;

export function pictures(form, squire, page) {
  const root = page.querySelector("[data-editor]");
  const shown = () => [...root.querySelectorAll("img[src*='#cid=']")];
  const cidOf = (image) => decodeURIComponent(image.getAttribute("src").split("#cid=")[1] ?? "");
  const rich = () => form.classList.contains("rich");

  /** Where something is to stand once it has arrived, whatever is written meanwhile. */
  function insert(files) {
    let place = squire.getSelection().cloneRange();
    const put = (item) => {
      if (!rich()) return; // it is a file now
      const now = squire.getSelection().cloneRange();
      const kept = root.contains(place.commonAncestorContainer);
      const moved = kept && now.compareBoundaryPoints(Range.START_TO_START, place) !== 0;
      if (kept) squire.setSelection(place);
      else squire.moveCursorToEnd();
      fit(squire.insertImage(item.dataset.shownAt, { alt: item.querySelector(".strong").textContent.trim() }));
      place = squire.getSelection().cloneRange();
      if (moved) squire.setSelection(now);
      follow();
    };
    form.dispatchEvent(new CustomEvent("compose:files", { detail: { files, place: put } }));
  }

  function fit(image) {
    image.addEventListener("load", () => { if (image.naturalWidth > WIDE) image.setAttribute("width", WIDE); }, { once: true });
  }

  function take(files) {
    const images = files.filter((file) => file.type.startsWith("image/"));
    const others = files.filter((file) => !images.includes(file));
    if (images.length) insert(images);
    if (others.length) form.dispatchEvent(new CustomEvent("compose:files", { detail: { files: others } }));
  }

  /** Pasted HTML may carry its pictures within itself: they become files like the others. */
  function adopt() {
    for (const image of root.querySelectorAll("img[src^='data:' i]:not([data-coming])")) {
      const [, type, text] = DATA.exec(image.getAttribute("src")) ?? [];
      if (!type) { image.remove(); continue; }
      image.dataset.coming = "";
      const octets = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const file = new File([octets], `${image.alt || "image"}.${type.split("/")[1].replace(/\W.*/, "")}`, { type });
      const place = (item) => { image.src = item.dataset.shownAt; image.removeAttribute("data-coming"); follow(); };
      form.dispatchEvent(new CustomEvent("compose:files", { detail: { files: [file], place } }));
    }
  }

  /** The list of files has the pictures that the text shows. */
  function follow() {
    const ids = new Set(shown().map(cidOf));
    for (const item of form.querySelectorAll(".up[data-cid]")) {
      const there = ids.has(item.dataset.cid);
      if (there && item.hidden && item.dataset.first) rename(item, item.dataset.first); // drafts saved since do not have it
      if (there) item.dataset.inText = "";
      item.hidden = !there && "inText" in item.dataset;
      item.querySelector("input").disabled = item.hidden;
    }
  }

  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  page.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  page.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const range = page.caretRangeFromPoint?.(event.clientX, event.clientY);
    if (range && root.contains(range.startContainer)) squire.setSelection(range);
    take([...event.dataTransfer.files]);
  }, true);
  page.addEventListener("paste", (event) => { // a file that is no picture
    const files = [...event.clipboardData.files];
    if (!files.length || event.clipboardData.types.includes("text/plain") || files.every((file) => file.type.startsWith("image/"))) return;
    event.preventDefault();
    event.stopPropagation();
    take(files);
  }, true);
  squire.addEventListener("pasteImage", ({ detail }) => take([...detail.clipboardData.files]));
  squire.addEventListener("input", () => { adopt(); follow(); });
  form.addEventListener("compose:picture-gone", ({ detail }) => {
    for (const image of shown()) if (cidOf(image) === detail) image.remove();
  });
  return follow;
}
