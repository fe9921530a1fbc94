"use strict";
// Decisions on the cards: kept in this browser, handed on as decisions.jsonl.
(() => {
  const cards = [...document.querySelectorAll("article.card")];
  if (!cards.length) return;
  const place = `prefkit report ${document.body.dataset.dataset}`;
  const byId = (id) => document.getElementById(id);
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(place)) || {}; } catch { kept = {}; }

  const key = (card) => card.dataset.sha;
  const shownCards = () => cards.filter((card) => !card.hidden);
  const now = () => document.activeElement && document.activeElement.closest("article.card");

  function save() {
    try { localStorage.setItem(place, JSON.stringify(kept)); } catch { byId("count").textContent = "not kept: download before you close"; }
  }

  function draw() {
    for (const card of cards) {
      const decided = kept[key(card)];
      card.dataset.verdict = decided ? decided.verdict : "";
      card.querySelector("output").textContent = decided ? decided.verdict : "";
      const field = card.querySelector("input");
      if (decided && field !== document.activeElement) field.value = decided.comment;
    }
    const done = cards.filter((card) => kept[key(card)]).length;
    byId("done").value = done;
    byId("count").textContent = `${done} of ${cards.length}`;
  }

  function decide(card, verdict) {
    if (verdict) {
      kept[key(card)] = {
        id: crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`,
        verdict, comment: card.querySelector("input").value, at: new Date().toISOString(),
      };
    } else delete kept[key(card)];
    save();
    draw();
  }

  function move(by) {
    const there = shownCards();
    const next = there[Math.min(there.length - 1, Math.max(0, there.indexOf(now()) + by))];
    if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
  }

  function lines() {
    return cards.filter((card) => kept[key(card)]).map((card) => {
      const one = kept[key(card)];
      return JSON.stringify({
        schema: "prefkit.decision/1", id: one.id, dataset: document.body.dataset.dataset,
        sample: null, pair: card.dataset.pair, pair_sha256: card.dataset.sha, reviewer: null,
        role: "triage", item: "pair", left: null, verdict: one.verdict, strength: null, reasons: [],
        comment: one.comment, ms_visible: null, guideline: null, at: one.at, supersedes: null,
        packet: null,
      }) + "\n";
    });
  }

  byId("download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(lines(), { type: "application/x-ndjson" }));
    link.download = "decisions.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });

  byId("filter").addEventListener("change", (event) => {
    for (const card of cards) card.hidden = event.target.value !== "" && card.dataset.why !== event.target.value;
  });

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button[data-verdict]") : null;
    if (button) decide(button.closest("article.card"), button.dataset.verdict);
  });

  document.addEventListener("change", (event) => {
    const card = event.target.closest ? event.target.closest("article.card") : null;
    const decided = card && kept[key(card)];
    if (decided) { decided.comment = event.target.value; save(); }
  });

  const verdicts = { a: "accept", f: "flip", d: "drop", s: "unsure", u: "" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const card = now();
    if (event.target instanceof Element && event.target.matches("input, select, textarea")) {
      if (event.key === "Escape" && card) card.focus();
      return;
    }
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (card && event.key in verdicts) decide(card, verdicts[event.key]);
    else if (card && event.key === "c") card.querySelector("input").focus();
    else return;
    event.preventDefault();
  });

  draw();
})();
