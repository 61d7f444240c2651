// Hands a file in over REST, in the name of who is logged in, and shows what came of it: kept, or every fault by row.
(() => {
  "use strict";
  const MIB = 1024 * 1024;
  const make = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const link = (href, text) => Object.assign(make("a", text), { href });
  const count = (n, what) => `${n.toLocaleString("en").replaceAll(",", "\u202f")} ${what}${n === 1 ? "" : "s"}`;

  const ask = async (form, file) => {
    const query = new URLSearchParams({ name: file.name });
    for (const field of form.elements) {
      if (!field.name || field.type === "file") continue;
      if (field.type === "checkbox") { if (field.checked) query.set(field.name, "true"); continue; }
      if (field.value.trim()) query.set(field.name, field.value.trim());
    }
    const options = { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file };
    const answer = await fetch(`${form.dataset.to}?${query}`, options);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const error = told.error || { message: `the server answered ${answer.status}`, advice: "" };
      throw new Error([error.message, error.advice].filter(Boolean).join(": "));
    }
    return told;
  };

  const faults = (report) => {
    const table = make("table", undefined, "lines");
    const head = table.createTHead().insertRow();
    for (const name of ["Row", "Field", "What is wrong", "Value"]) head.append(make("th", name));
    const body = table.createTBody();
    for (const fault of report.faults) {
      const row = body.insertRow();
      row.append(make("td", fault.row ? String(fault.row) : "the file", "n"), make("td", fault.field, "where"));
      row.append(make("td", fault.what), make("td", fault.value, "value"));
    }
    const scroll = make("div", undefined, "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("aria-label", "faults");
    scroll.append(table);
    return scroll;
  };
  const refused = (report, name) => {
    const rows = report.rows ? ` in ${count(report.rows, "row")}` : "";
    const parts = [make("p", `✗ Nothing of ${name} was kept: ${count(report.faulty, "fault")}${rows}.`, "sev-critical")];
    const left = report.faulty - report.faults.length;
    parts.push(faults(report));
    if (left > 0) parts.push(make("p", `and ${count(left, "more fault")}`, "quiet"));
    parts.push(make("p", "Rows are counted without the heading. Correct the file and hand it in again.", "quiet"));
    return parts;
  };
  const kept = (report, name) => {
    if (report.racks === undefined) {
      const what = `${count(report.records, "record")} and ${count(report.readings, "reading")}`;
      return [make("p", `✓ Kept: ${what} of ${report.rack}, from ${name}.`, "sev-ok")];
    }
    if (report.already) {
      return [make("p", `● The same bytes were handed in before, as import ${report.import_id}: nothing has changed.`)];
    }
    const line = make("p", `✓ Kept: ${count(report.rows, "record")} from ${name}, as import ${report.import_id}. `, "sev-ok");
    report.racks.slice(0, 20).forEach((rack, n) => line.append(n ? " · " : "", link(`/console/passport/${rack}`, rack)));
    if (report.racks.length > 20) line.append(` and ${report.racks.length - 20} more racks`);
    return [line];
  };

  const send = async (form) => {
    const said = form.querySelector(".uploadsaid"), button = form.querySelector("button");
    const [file] = form.elements.file.files, most = Number(form.dataset.most);
    if (!file) return;
    if (file.size > most) {
      const size = (file.size / MIB).toFixed(1);
      said.replaceChildren(make("p", `✗ Not sent: ${file.name} has ${size} MiB, at most ${most / MIB} are taken.`, "sev-critical"));
      return;
    }
    button.disabled = true;
    said.replaceChildren(make("p", `… ${file.name} is read and judged`, "quiet"));
    try {
      const report = await ask(form, file);
      said.replaceChildren(...(report.accepted ? kept(report, file.name) : refused(report, file.name)));
      if (report.accepted) {
        if (form.elements.replace) form.elements.replace.checked = false;
        emitEvent("handed-in", form.dataset.to);
      }
    } catch (error) {
      said.replaceChildren(make("p", `✗ Nothing was kept: ${error.message}`, "sev-critical"));
    } finally {
      button.disabled = false;
      form.elements.file.value = "";
    }
  };
  document.addEventListener("submit", (event) => {
    if (!event.target.classList.contains("upload")) return;
    event.preventDefault();
    send(event.target);
  });
})();
