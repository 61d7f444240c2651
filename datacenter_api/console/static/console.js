// Puts the server's changes into the page and tells it which tray was chosen.  Draws nothing by itself.
(() => {
  "use strict";
  const SILENT_AFTER_MS = 3500;
  let heard = performance.now();
  const put = {
    text: (el, v) => { el.textContent = v; },
    class: (el, v) => el.setAttribute("class", v),
    label: (el, v) => el.setAttribute("aria-label", v),
    heat: (el, v) => el.style.setProperty("--heat", v),
    width: (el, v) => { el.style.width = v; },
    hidden: (el, v) => el.toggleAttribute("hidden", v === "1"),
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
  // changes: [[id, what, value], …]
  const apply = (changes) => {
    heard = performance.now();
    document.body.classList.remove("silent");
    for (const change of changes) waiting.set(`${change[0]} ${change[1]}`, change);
    settle(30);
    document.documentElement.dataset.updates = String(Number(document.documentElement.dataset.updates || 0) + 1);
  };
  const choose = (el) => {
    document.querySelectorAll("[data-tray][aria-pressed=true]").forEach((e) => e.setAttribute("aria-pressed", "false"));
    el.setAttribute("aria-pressed", "true");
    emitEvent("tray", el.dataset.tray);
  };
  document.addEventListener("click", (event) => {
    const tray = event.target.closest("[data-tray]");
    if (tray) choose(tray);
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
  // A page that hears nothing must not look alive.
  setInterval(() => {
    const silence = performance.now() - heard;
    if (silence < SILENT_AFTER_MS) return;
    document.body.classList.add("silent");
    const line = document.getElementById("silence");
    if (line) line.textContent = `Nothing heard from the server for ${Math.round(silence / 1000)} s: everything below is old`;
  }, 500);
  window.rackwright = { apply };
})();
