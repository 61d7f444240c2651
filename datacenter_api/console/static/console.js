// Puts the server's changes into the page, tells it what was chosen, moves a chart's pointer.  Draws no numbers itself.
(() => {
  "use strict";
  const SILENT_AFTER_MS = 3500;
  let heard = performance.now();
  const put = {
    text: (el, v) => { el.textContent = v; },
    class: (el, v) => el.setAttribute("class", v),
    label: (el, v) => el.setAttribute("aria-label", v),
    title: (el, v) => el.setAttribute("title", v),
    heat: (el, v) => el.style.setProperty("--heat", v),
    width: (el, v) => { el.style.width = v; },
    html: (el, v) => { el.innerHTML = v; },
  };
  // What belongs to a part of the page that is still being drawn waits for it, newest value only.
  const waiting = new Map();
  const settle = (triesLeft) => {
    for (const [key, [id, what, value]] of waiting) {
      const el = document.getElementById(id);
      if (el) { put[what](el, value); waiting.delete(key); }
    }
    if (waiting.size && triesLeft) requestAnimationFrame(() => settle(triesLeft - 1));
  };
  // Each list: [[id, what, value], …]
  const apply = (...lists) => {
    heard = performance.now();
    document.body.classList.remove("silent");
    for (const changes of lists) for (const change of changes) waiting.set(`${change[0]} ${change[1]}`, change);
    settle(30);
    document.documentElement.dataset.updates = String(Number(document.documentElement.dataset.updates || 0) + 1);
  };

  const press = (el, group) => {
    document.querySelectorAll(`[${group}][aria-pressed=true]`).forEach((e) => e.setAttribute("aria-pressed", "false"));
    el.setAttribute("aria-pressed", "true");
  };
  const choose = (el) => { press(el, "data-tray"); emitEvent("tray", el.dataset.tray); };
  const chart = (el, what) => { press(el, `data-${what}`); emitEvent(what, el.dataset[what]); };
  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const card = at("[data-href]");
    if (at("[data-tray]")) choose(at("[data-tray]"));
    else if (at("[data-series]")) chart(at("[data-series]"), "series");
    else if (at("[data-window]")) chart(at("[data-window]"), "window");
    else if (at("[data-waive]")) emitEvent("waive", at("[data-waive]").dataset.waive);
    else if (card && !at("a")) location.assign(card.dataset.href);
  });
  document.addEventListener("keydown", (event) => {
    const tray = event.target.closest && event.target.closest("[data-tray]");
    if (!tray) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(tray); }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const all = [...document.querySelectorAll("[data-tray]")];
      const next = all[all.indexOf(tray) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) next.focus();
    }
  });

  // The filter of a tray's sensors: what does not hold the words is hidden, and groups with a hit are opened.
  document.addEventListener("input", (event) => {
    if (event.target.id !== "filter") return;
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const group of document.querySelectorAll("details.group")) {
      let hits = 0;
      for (const row of group.querySelectorAll("tbody tr")) {
        const said = `${group.dataset.name} ${row.dataset.name}`.toLowerCase();
        const hit = words.every((word) => said.includes(word));
        row.hidden = !hit;
        hits += hit;
      }
      group.hidden = words.length > 0 && !hits;
      if (group.dataset.was === undefined) group.dataset.was = String(group.open);
      group.open = words.length ? hits > 0 : group.dataset.was === "true";
    }
  });

  // A chart's pointer: which bucket is below it, and what was read in it.
  const told = (trace, n, unit, digits) => {
    const number = (v) => v.toFixed(digits);
    if (trace.mean[n] === null) return "not known";
    const range = trace.min ? `  (${number(trace.min[n])} to ${number(trace.max[n])})` : "";
    const part = trace.part && trace.part.includes(n) ? ", not all read" : "";
    return `${number(trace.mean[n])} ${unit}${range}${part}`;
  };
  const read = new WeakMap();
  const point = (plot, clientX) => {
    const figure = plot.closest("figure");
    if (!read.has(figure)) read.set(figure, JSON.parse(figure.dataset.chart));
    const data = read.get(figure), box = plot.querySelector("svg").getBoundingClientRect();
    const buckets = data.traces[0].mean.length;
    const n = Math.max(0, Math.min(buckets - 1, Math.floor(((clientX - box.left) / box.width) * buckets)));
    const share = (n + 0.5) / buckets, line = plot.querySelector(".pointer"), tip = plot.querySelector(".tip");
    line.hidden = tip.hidden = false;
    line.style.left = `${share * 100}%`;
    tip.style.left = share < 0.5 ? `calc(${share * 100}% + 8px)` : "auto";
    tip.style.right = share < 0.5 ? "auto" : `calc(${(1 - share) * 100}% + 8px)`;
    const when = new Date((data.from + n * data.step) * 1000).toISOString().slice(11, 19);
    tip.replaceChildren();
    const add = (text, word) => {
      const row = document.createElement("div");
      row.textContent = text;
      if (word) row.className = word;
      tip.append(row);
    };
    add(`${when} UTC`, "quiet");
    data.traces.forEach((trace, at) => {
      const name = data.traces.length > 1 ? `${trace.name}  ` : "";
      add(name + told(trace, n, data.unit, data.digits), `s${at % 8}`);
    });
  };
  document.addEventListener("pointermove", (event) => {
    const plot = event.target.closest && event.target.closest(".chart .plot");
    for (const other of document.querySelectorAll(".chart .plot")) {
      if (other !== plot) other.querySelectorAll(".pointer, .tip").forEach((el) => { el.hidden = true; });
    }
    if (plot) point(plot, event.clientX);
  });

  // A page that hears nothing must not look alive.
  setInterval(() => {
    const clock = document.getElementById("clock");
    if (clock) clock.textContent = `${new Date().toISOString().slice(11, 19)} UTC`;
    const silence = performance.now() - heard;
    if (silence < SILENT_AFTER_MS) return;
    document.body.classList.add("silent");
    const line = document.getElementById("silence");
    if (line) line.textContent = `Nothing heard from the server for ${Math.round(silence / 1000)} s: everything below is old`;
  }, 500);
  window.rackwright = { apply };
})();
