// The packet: one pair at a time, votes in local storage, decisions.jsonl to send back.
(() => {
  const about = document.body.dataset;
  const pairs = [...document.querySelectorAll("article.pair")];
  const bar = document.getElementById("vote");
  const comment = bar.querySelector(".comment");
  const boxes = [...bar.querySelectorAll("input[type=checkbox]")];
  const buttons = [...bar.querySelectorAll(".verdict-button")];
  const [nag, undoButton, download] = ["nag", "undo", "download"]
    .map((id) => document.getElementById(id));
  const KEY = `prefkit packet ${about.packet}`;
  const EVERY = Number(about.nag);

  // votes by place: verdict, reasons, comment, ms, at, revision, sent (the revision downloaded).
  const fresh = { votes: {}, drafts: {}, revisions: {}, sent: {}, order: [], at: 0, unsent: 0,
    look: { raw: false, differences: false } };
  let state = fresh;
  let keeps = true;
  let since = performance.now();
  let seen = 0;

  function load() {
    try {
      state = { ...fresh, ...JSON.parse(localStorage.getItem(KEY) || "{}") };
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      keeps = false;
    }
  }

  function save() {
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      keeps = false;
    }
  }

  const placeOf = (at) => Number(pairs[at].dataset.place);
  const count = () => Object.keys(state.votes).length;

  function startClock() {
    seen = 0;
    since = performance.now();
  }

  // Only while the page can be seen.
  function stopClock() {
    if (document.visibilityState === "visible") seen += performance.now() - since;
    since = performance.now();
    return Math.round(seen);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") since = performance.now();
    else seen += performance.now() - since;
  });

  function fill(known) {
    boxes.forEach((box) => { box.checked = known.reasons.includes(box.value); });
    comment.value = known.comment;
  }

  const filled = () => ({
    reasons: boxes.filter((box) => box.checked).map((box) => box.value), comment: comment.value,
  });

  function tell() {
    const done = count();
    document.getElementById("progress").value = done;
    document.getElementById("place").textContent =
      `Pair ${state.at + 1} of ${pairs.length} · ${done} judged`;
    undoButton.disabled = state.order.length === 0;
    download.disabled = done === 0;
    let text = "";
    if (!keeps) text = "This browser keeps nothing: download before you close the page.";
    else if (done === pairs.length && state.unsent) {
      text = "All pairs are judged. Download your decisions and send the file back.";
    } else if (state.unsent >= EVERY) {
      text = `${state.unsent} votes are only in this browser: download them now, and go on.`;
    } else if (done === pairs.length) text = "All pairs are judged and downloaded. Thank you.";
    if (nag.textContent !== text) nag.textContent = text;
  }

  function show(at) {
    state.at = Math.min(Math.max(at, 0), pairs.length - 1);
    pairs.forEach((pair, n) => { pair.hidden = n !== state.at; });
    const place = placeOf(state.at);
    const vote = state.votes[place];
    fill(vote || state.drafts[place] || { reasons: [], comment: "" });
    buttons.forEach((one) => Blind.press(one, Boolean(vote) && vote.verdict === one.value));
    Blind.looks(bar, pairs[state.at], state.look);
    pairs[state.at].querySelectorAll(".side, .prompt").forEach((part) => { part.scrollTop = 0; });
    startClock();
    tell();
    save();
  }

  function nextOpen() {
    const after = pairs.findIndex((_, n) => n > state.at && !state.votes[placeOf(n)]);
    const first = pairs.findIndex((_, n) => !state.votes[placeOf(n)]);
    return after >= 0 ? after : first >= 0 ? first : state.at;
  }

  function vote(verdict) {
    const place = placeOf(state.at);
    const revision = (state.revisions[place] || 0) + 1;
    state.revisions[place] = revision;
    state.votes[place] = {
      verdict, ...filled(), ms: stopClock(), at: new Date().toISOString(), revision,
    };
    state.order = [...state.order.filter((one) => one !== place), place];
    delete state.drafts[place];
    state.unsent += 1;
    show(nextOpen());
  }

  function undo() {
    const place = state.order.pop();
    if (place === undefined) return;
    const { reasons, comment: said } = state.votes[place];
    state.drafts[place] = { reasons, comment: said };
    delete state.votes[place];
    state.unsent = Math.max(0, state.unsent - 1);
    show(pairs.findIndex((pair) => Number(pair.dataset.place) === place));
  }

  function lineOf(place) {
    const said = state.votes[place];
    const sent = state.sent[place];
    const own = `${about.packet}:${place}`;
    return {
      schema: "prefkit.decision/1", id: `${own}:${said.revision}`, packet: about.packet, place,
      dataset: about.dataset, sample: null, pair: pairs[place - 1].dataset.pair,
      pair_sha256: null, reviewer: null, role: "blind", left: null, verdict: said.verdict,
      strength: null, reasons: said.reasons, comment: said.comment, ms_visible: said.ms,
      guideline: about.guideline || null, at: said.at,
      supersedes: sent && sent !== said.revision ? `${own}:${sent}` : null,
    };
  }

  function saveFile() {
    const places = Object.keys(state.votes).map(Number).sort((one, other) => one - other);
    const text = places.map((place) => `${JSON.stringify(lineOf(place))}\n`).join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
    link.download = "decisions.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    places.forEach((place) => { state.sent[place] = state.votes[place].revision; });
    state.unsent = 0;
    save();
    tell();
  }

  function toggle(name) {
    state.look[name] = !state.look[name];
    Blind.looks(bar, pairs[state.at], state.look);
    save();
  }

  const keep = () => {
    if (state.votes[placeOf(state.at)]) return;
    state.drafts[placeOf(state.at)] = filled();
    save();
  };

  bar.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter && event.submitter.value) vote(event.submitter.value);
  });
  // Enter in the comment leaves it; the first button of a form would answer it with a vote.
  comment.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); comment.blur(); }
  });
  bar.addEventListener("input", keep);
  undoButton.addEventListener("click", undo);
  download.addEventListener("click", saveFile);
  bar.querySelector(".differences").addEventListener("click", () => toggle("differences"));
  bar.querySelector(".raw-button").addEventListener("click", () => toggle("raw"));
  const votes = Object.fromEntries(
    buttons.map((button, n) => [String(n + 1), () => vote(button.value)]),
  );
  Blind.keys({
    ...votes, u: undo, c: () => comment.focus(), j: () => show(state.at + 1),
    k: () => show(state.at - 1), x: () => toggle("differences"), r: () => toggle("raw"),
    g: () => { const guideline = document.querySelector(".guideline"); guideline.open = !guideline.open; },
  });

  // The same packet in another tab: what was voted there counts here too.
  window.addEventListener("storage", (event) => {
    if (event.key !== KEY || !event.newValue) return;
    state = { ...fresh, ...JSON.parse(event.newValue), at: state.at };
    tell();
  });

  load();
  bar.hidden = false;
  document.querySelector(".unscripted").classList.remove("unscripted");
  show(state.at);
})();
