// The screen at the rack: what is scanned, photographed or done is handed in over REST, in the name of who is logged in.
(() => {
  "use strict";
  const find = (id) => document.getElementById(id);
  const run = () => document.querySelector(".testfloor").dataset.run;
  const step = () => (document.querySelector(".tf") || { dataset: {} }).dataset.step || "";
  const at = (tail) => `/api/v1/acceptance/runs/${encodeURIComponent(run())}/${tail}`;
  const WORDS = { right: ["ok", "✓ RIGHT PART"], wrong: ["bad", "✗ WRONG PART"], unknown: ["bad", "? UNKNOWN PART"], unchecked: ["note", "● NOTED"] };

  const say = (kind, text) => {
    const said = find("tf-said");
    said.className = `tfsaid ${kind}`;
    said.textContent = text;
  };
  const ask = async (tail, body, type) => {
    const answer = await fetch(at(tail), { method: "POST", headers: { "content-type": type }, body });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      const error = told.error || { message: `the server answered ${answer.status}`, advice: "" };
      throw new Error([error.message, error.advice].filter(Boolean).join(": "));
    }
    return told;
  };
  const hand = (more) => ask("answers", JSON.stringify({ step: step(), ...more }), "application/json");
  // Without a step there is nothing to hand anything in for.
  const during = async (work) => {
    if (!step()) { say("note", "● No step runs now: nothing was handed in."); return; }
    try { await work(); } catch (error) { say("bad", `✗ ${error.message}`); }
  };

  const scanned = (code) => during(async () => {
    say("note", `… ${code}`);
    const told = await hand({ barcode: code });
    const [kind, word] = WORDS[told.fit] || WORDS.unchecked;
    const said = told.said.replace(/^(Right|Wrong) part: this/, "This");
    say(kind, `${word}. ${said}`);
  });
  const photographed = (file) => during(async () => {
    say("note", "… the photo is on its way");
    const kept = await ask(`photos?step=${encodeURIComponent(step())}`, file, "application/octet-stream");
    await hand({ photo: kept.name });
    say("ok", `✓ PHOTO KEPT. ${kept.sha256.slice(0, 16)}`);
  });
  const done = () => during(async () => {
    if (!document.querySelector(".tf.ask")) { say("note", "● Nothing is asked for now: nothing was handed in."); return; }
    await hand({ done: true });
    say("ok", "✓ DONE. Noted.");
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "tf-scan") return;
    event.preventDefault();
    const field = find("tf-code");
    const code = field.value.trim();
    field.value = "";
    field.focus();
    if (code) scanned(code);
  });
  document.addEventListener("change", (event) => {
    if (event.target.id !== "tf-photo" || !event.target.files.length) return;
    const [file] = event.target.files;
    photographed(file).finally(() => { event.target.value = ""; });
  });
  document.addEventListener("click", (event) => { if (event.target.closest("#tf-done")) done(); });
  // A scanner types: wherever the focus is, what it types belongs into the field.
  document.addEventListener("keydown", (event) => {
    const field = find("tf-code");
    if (!field || event.target === field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.length === 1 && event.key !== " ") field.focus();
  });
  // The field has the focus whenever nothing else has, but where fingers point: there a keyboard would come up.
  const idle = () => document.activeElement === document.body || document.activeElement === null;
  setInterval(() => {
    const field = find("tf-code");
    if (field && idle() && !matchMedia("(pointer: coarse)").matches) field.focus();
  }, 300);
})();
