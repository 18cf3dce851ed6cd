/* The dialog that lists the keys of the present page; keys.js loads this module when somebody asks. */

/** Fill the dialog and show it; `shortcuts` as `keys.list` gives them. `then` is the translated word between the strokes of a sequence. */
export function show(dialog, shortcuts) {
  const box = dialog.querySelector("dl");
  box.replaceChildren();
  const groups = Map.groupBy ? Map.groupBy(shortcuts, (s) => s.group) : new Map([["", shortcuts]]);
  for (const [group, entries] of groups) {
    if (group) box.append(Object.assign(document.createElement("h3"), { textContent: group }));
    for (const { keys, name } of entries.filter((entry) => entry.keys)) {
      const dt = document.createElement("dt");
      keys.split(" ").forEach((stroke, index) => {
        if (index) dt.append(` ${box.dataset.then} `);
        dt.append(Object.assign(document.createElement("kbd"), { textContent: stroke }));
      });
      box.append(dt, Object.assign(document.createElement("dd"), { textContent: name }));
    }
  }
  dialog.showModal();
}
