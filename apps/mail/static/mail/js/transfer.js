/* A file that is imported goes to the server in pieces: of any size, with its progress, to be paused, and gone on with
   from where it was, in another session too. Without this module it is sent whole, with the form. */
import { $ } from "../../portal/js/portal.js";

const HEAD = 4096; // octets that tell what a file is
const AGAIN = 4000; // milliseconds after a failure

const inWords = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });
const token = () => $('meta[name="csrf-token"]').content;

async function headOf(file) {
  const octets = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  return btoa(String.fromCharCode(...octets));
}

function tell(form, text) {
  const place = $("[data-upload-error]", form);
  place.hidden = !text;
  $("span", place).textContent = text ?? "";
}

/** Sends the pieces of a file from the octet `at` on; goes to the page of the import when it is there. */
function send(form, file, { pieces, page, at, piece }) {
  const box = $("[data-upload]", form);
  const words = $("[data-upload-text]", form);
  const [hold, goOn] = [$("[data-hold]", form), $("[data-go-on]", form)];
  let [held, failures] = [false, 0];

  function show() {
    const percent = Math.floor((100 * at) / file.size);
    $("progress", box).value = percent;
    words.textContent = (held ? words.dataset.paused : words.dataset.words).replace("%s", () => inWords.format(percent / 100));
    [hold.hidden, goOn.hidden] = [held, !held];
  }

  async function next() {
    if (held) return;
    let answer = null;
    try {
      const body = file.slice(at, at + piece);
      const headers = { "X-CSRFToken": token(), "Content-Type": "application/octet-stream" };
      answer = await fetch(`${pieces}?at=${at}`, { method: "POST", body, headers });
    } catch {
      answer = null;
    }
    const told = answer?.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
    if (answer?.ok && told) {
      [at, failures] = [told.received, 0];
      tell(form);
    } else if (told && answer.status !== 409) {
      tell(form, told.error);
      return;
    } else if (told?.received !== undefined && failures < 3) {
      [at, failures] = [told.received, failures + 1];
    } else {
      failures += 1;
      tell(form, box.dataset.stopped);
      if (failures > 5) {
        held = true;
        show();
        return;
      }
      setTimeout(next, AGAIN);
      return;
    }
    show();
    if (at >= file.size) location.assign(page);
    else next();
  }

  hold.onclick = () => {
    held = true;
    show();
    goOn.focus();
  };
  goOn.onclick = () => {
    [held, failures] = [false, 0];
    tell(form);
    show();
    hold.focus();
    next();
  };
  box.hidden = false;
  $("button.primary", form).hidden = true;
  show();
  hold.focus();
  next();
}

async function begin(form, file) {
  const data = new URLSearchParams({ name: file.name, size: file.size, head: await headOf(file) });
  for (const name of ["parent", "new"]) data.set(name, form.elements[name].value);
  const answer = await fetch(form.dataset.begin, { method: "POST", body: data, headers: { "X-CSRFToken": token() } });
  if (!answer.headers.get("Content-Type")?.includes("json")) {
    form.submit();
    return;
  }
  const told = await answer.json();
  if (!answer.ok) {
    tell(form, told.error);
    return;
  }
  send(form, file, { ...told, at: 0, piece: Number(form.dataset.piece) });
}

const form = $("[data-import]");
form?.addEventListener("submit", (event) => {
  const file = form.elements.file.files[0];
  if (!file || !file.size) return; // the server says what is wrong with it
  event.preventDefault();
  tell(form);
  begin(form, file).catch(() => tell(form, $("[data-upload]", form).dataset.stopped));
});

const rest = $("[data-continue]");
if (rest) {
  rest.hidden = false;
  rest.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = $("input[type=file]", rest).files[0];
    const { name, size, received, piece, pieces, page } = rest.dataset;
    const box = $("[data-upload]", rest);
    if (!file) tell(rest, box.dataset.none);
    else if (file.size !== Number(size) || file.name !== name) tell(rest, box.dataset.other);
    else send(rest, file, { pieces, page, at: Number(received), piece: Number(piece) });
  });
}
