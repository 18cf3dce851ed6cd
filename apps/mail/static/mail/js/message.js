/* The message frame as high as its content: the page scrolls, not the frame. Without this module it scrolls itself. */

const MOST = 50000; // pixels; a mail whose height follows the frame's would grow for ever
const STEPS = 40;

function fit(frame) {
  const page = frame.contentDocument;
  if (!page?.body) return;
  let height = 0;
  let steps = 0;
  const measure = () => {
    const wanted = Math.min(MOST, Math.ceil(Math.max(page.documentElement.getBoundingClientRect().height, page.body.scrollHeight)));
    if (wanted <= height || (steps += 1) > STEPS) return; // it only grows: what is being read stays where it is
    height = wanted;
    frame.style.blockSize = `${height + 2}px`;
    frame.style.minBlockSize = "0";
  };
  measure();
  new ResizeObserver(measure).observe(page.body);
}

function adopt() {
  if (document.querySelector(".read")) import("./reading.js");
  for (const frame of document.querySelectorAll("iframe[data-message-frame]:not([data-fitted])")) {
    frame.dataset.fitted = "yes";
    frame.addEventListener("load", () => fit(frame));
    if (frame.contentDocument?.readyState === "complete" && frame.contentDocument.body?.childNodes.length) fit(frame);
  }
}

document.addEventListener("htmx:after:swap", adopt);
adopt();
