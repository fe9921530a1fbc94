"use strict";
// The desk's own: votes by keys, time that the page was in view, the next pair without a reload.
(() => {
  const state = { raw: false, differences: false };
  let seen = 0;
  let since = document.hidden ? null : performance.now();
  let sending = false;

  const visible = () => seen + (since === null ? 0 : performance.now() - since);
  const main = () => document.getElementById("desk");
  const form = () => main().querySelector("form.vote");

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { seen = visible(); since = null; } else since = performance.now();
  });

  function say(text) {
    main().querySelector(".nag").textContent = text;
  }

  function restart() {
    seen = 0;
    since = document.hidden ? null : performance.now();
    sending = false;
    const there = form();
    if (there) Blind.looks(there.querySelector(".foot"), there.querySelector(".pair"), state);
  }

  // Takes the head's numbers and the whole main part from the page that the server sent.
  function show(text, address) {
    const next = new DOMParser().parseFromString(text, "text/html");
    for (const part of ["header.head", "#desk"]) {
      document.querySelector(part).replaceWith(document.adoptNode(next.querySelector(part)));
    }
    history.replaceState(null, "", address);
    window.scrollTo(0, 0);
    restart();
  }

  async function send(target, button) {
    if (sending) return;
    sending = true;
    const body = new URLSearchParams(new FormData(target));
    if (button && button.name) body.set(button.name, button.value);
    if (body.has("ms")) body.set("ms", String(Math.round(visible())));
    try {
      const answer = await fetch(target.action, { method: "POST", body, credentials: "same-origin" });
      const text = await answer.text();
      if (answer.ok) { show(text, new URL(answer.url).pathname); return; }
      say(`Not saved: ${new DOMParser().parseFromString(text, "text/html").body.textContent.trim()}`);
    } catch {
      say("Not saved: the desk does not answer. Your vote is still here; try again.");
    }
    sending = false;
  }

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.target, event.submitter);
  });

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    if (button.matches(".raw-button")) look("raw");
    if (button.matches(".differences")) look("differences");
  });

  function look(what) {
    const there = form();
    if (!there) return;
    const button = there.querySelector(what === "raw" ? ".raw-button" : ".differences");
    if (button.disabled) return;
    state[what] = !state[what];
    Blind.looks(there.querySelector(".foot"), there.querySelector(".pair"), state);
  }

  function press(key) {
    const there = form();
    if (!there) return;
    for (const button of there.querySelectorAll(".verdict-button")) {
      if (button.querySelector("kbd").textContent === key) { send(there, button); return; }
    }
  }

  // Enter in the comment would press the first verdict: a vote takes its own key or button.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target instanceof Element && event.target.matches(".comment")) {
      event.preventDefault();
      event.target.blur();
    }
  });

  const table = {
    u: () => send(document.getElementById("undo").form, null),
    x: () => look("differences"),
    r: () => look("raw"),
    c: () => { const there = form(); if (there) there.querySelector(".comment").focus(); },
    g: () => { const part = main().querySelector(".guideline"); part.open = !part.open; },
  };
  for (const key of ["1", "2", "3", "4", "5", "a", "f", "d", "s"]) table[key] = () => press(key);
  Blind.keys(table);
  restart();
})();
