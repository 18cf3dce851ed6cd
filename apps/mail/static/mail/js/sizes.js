/* Before anything is drawn: the panes and columns as wide as they were left in this browser (splitters.js). */
for (const pair of (/(?:^|; )panes=([\w.-]*)/.exec(document.cookie)?.[1] ?? "").split("_")) {
  const [name, size] = pair.split(".");
  if (/^[a-z-]+$/.test(name) && /^\d{2,4}$/.test(size)) document.documentElement.style.setProperty(`--${name}`, `${size / 16}rem`);
}
