"use strict";
// What the desk and the packet share: raw text, differing words, keys that a comment never triggers.
const Blind = (() => {
  const MOST_CELLS = 40000000; // of the table of common words: two answers of some 6,000 words
  const LEAST_SHARED = 0.5; // below this nearly every word would be marked

  const each = (root, selector, act) => root.querySelectorAll(selector).forEach(act);

  function press(button, on) {
    button.setAttribute("aria-pressed", String(on));
  }

  // Keeps what is read in its place: a rendered and a raw text differ in height.
  function keepingPlaces(pair, act) {
    const sides = [...pair.querySelectorAll(".side")];
    const shares = sides.map((side) => side.scrollTop / Math.max(1, side.scrollHeight));
    act();
    sides.forEach((side, n) => { side.scrollTop = shares[n] * side.scrollHeight; });
  }

  function raw(pair, on) {
    keepingPlaces(pair, () => {
      each(pair, ".rendered", (part) => { part.hidden = on; });
      each(pair, ".raw", (part) => { part.hidden = !on; });
    });
  }

  function wordsOf(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const match of node.data.matchAll(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)) {
        found.push({ node, start: match.index, end: match.index + match[0].length, word: match[0] });
      }
    }
    return found;
  }

  function sharedWords(one, other) {
    const counts = new Map();
    for (const { word } of one) counts.set(word, (counts.get(word) || 0) + 1);
    let shared = 0;
    for (const { word } of other) {
      const left = counts.get(word) || 0;
      if (left > 0) { shared += 1; counts.set(word, left - 1); }
    }
    return one.length + other.length ? (2 * shared) / (one.length + other.length) : 1;
  }

  // Why there is no marking of differences, or an empty text where there is one.
  function refusal(one, other) {
    const shared = sharedWords(one, other);
    if (shared < LEAST_SHARED) return `off, only ${Math.floor(shared * 100)}% of words shared`;
    if ((one.length + 1) * (other.length + 1) > MOST_CELLS) return "off, the answers are too long";
    return "";
  }

  // Marks which words belong to the longest common sequence, from its table of lengths.
  function common(one, other) {
    const width = other.length + 1;
    const table = new Uint16Array((one.length + 1) * width);
    for (let i = one.length - 1; i >= 0; i -= 1) {
      for (let j = other.length - 1; j >= 0; j -= 1) {
        table[i * width + j] = one[i].word === other[j].word
          ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
      }
    }
    for (let i = 0, j = 0; i < one.length && j < other.length;) {
      if (one[i].word === other[j].word) {
        one[i].same = other[j].same = true;
        i += 1; j += 1;
      } else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i += 1;
      else j += 1;
    }
  }

  // From the last word to the first, so that earlier places in a text node stay right.
  function mark(words) {
    for (let end = words.length - 1; end >= 0; end -= 1) {
      if (words[end].same) continue;
      let start = end;
      while (start > 0 && !words[start - 1].same && words[start - 1].node === words[end].node) {
        start -= 1;
      }
      const range = document.createRange();
      range.setStart(words[start].node, words[start].start);
      range.setEnd(words[end].node, words[end].end);
      range.surroundContents(document.createElement("mark"));
      end = start;
    }
  }

  function unmark(pair) {
    each(pair, "mark", (one) => {
      const parent = one.parentNode;
      one.replaceWith(...one.childNodes);
      parent.normalize();
    });
  }

  const shown = (side) => [...side.querySelectorAll(".answer .rendered, .answer .raw")]
    .filter((part) => !part.hidden).flatMap(wordsOf);

  // Marks what differs or takes the marks away; gives why it did not, else an empty text.
  function differences(pair, on) {
    unmark(pair);
    const [one, other] = [...pair.querySelectorAll(".side")].map(shown);
    const why = refusal(one, other);
    if (on && !why) {
      common(one, other);
      keepingPlaces(pair, () => { mark(one); mark(other); });
    }
    return why;
  }

  // The two buttons for one pair; `state` is kept by the caller, so that the next pair has it too.
  function looks(bar, pair, state) {
    const [marks, plain] = [bar.querySelector(".differences"), bar.querySelector(".raw-button")];
    unmark(pair);
    raw(pair, state.raw);
    press(plain, state.raw);
    const why = differences(pair, state.differences);
    marks.disabled = why !== "";
    marks.querySelector(".words").textContent = `Differences${why ? `: ${why}` : ""}`;
    press(marks, state.differences && !why);
    bar.querySelector(".looks").hidden = false;
  }

  const typing = (target) => target instanceof Element
    && target.matches("input[type=text], textarea, select, [contenteditable]");

  // Calls what stands under a key, but not while somebody types or holds a modifier.
  function keys(table, leave) {
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (typing(event.target)) {
        if (event.key === "Escape") { event.target.blur(); if (leave) leave(); }
        return;
      }
      const act = table[event.key];
      if (!act || event.repeat) return;
      event.preventDefault();
      act();
    });
  }

  return { differences, keys, looks, press, raw };
})();
