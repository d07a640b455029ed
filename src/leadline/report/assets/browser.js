// The completions browser. Every text goes in through textContent: nothing that a model wrote is ever parsed as HTML.
(() => {
  "use strict";
  const holder = document.getElementById("cards");
  if (!holder) return;
  const PAGE = 20;
  const { arms } = JSON.parse(document.getElementById("figures").textContent);
  const data = JSON.parse(document.getElementById("completion-data").textContent);
  const form = document.getElementById("filters");
  const status = document.getElementById("status");
  const more = document.getElementById("more");
  const state = { verdict: -1, problem: null, limit: PAGE };

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }
  const stepName = (name) => (name === "eval" ? "final evaluation" : name.replace(/^step-0*(?=\d)/, "step "));
  const textOf = (row) => row.t.map((piece) => (typeof piece === "string" ? piece : piece[1] === "cut" ? "" : piece[0])).join("");
  const round = (value) => String(Math.round(value * 1000) / 1000).replace("-", "−");

  function button(className, label, act) {
    const element = make("button", className, label);
    element.type = "button";
    element.addEventListener("click", act);
    return element;
  }

  function piece(part) {
    if (typeof part === "string") return document.createTextNode(part);
    if (part[1] === "cut") return make("span", "cut", part[0]);
    const names = part[1].map((slot) => data.behaviours[slot] || "other");
    const mark = make("mark", `m${part[1][0]}${part[1].length > 1 ? " both" : ""}`, part[0]);
    mark.title = names.join(" + ");
    return mark;
  }

  function metaOf(row) {
    const facts = [stepName(row.s)];
    if (row.n !== undefined) facts.push(`${row.n.toLocaleString("en")} tokens`);
    if (row.d !== undefined) facts.push(`difficulty ${round(row.d)}`);
    if (row.r !== undefined) facts.push(`reward ${round(row.r)}`);
    if (row.v !== undefined) facts.push(`advantage ${row.v > 0 ? "+" : ""}${round(row.v)}`);
    if (row.l !== undefined) facts.push(`log-prob. ${round(row.l)}`);
    for (const [name, value] of Object.entries(row.q || {})) if (name !== "accuracy") facts.push(`${name} ${round(value)}`);
    return facts.join(" · ");
  }

  function card(row) {
    const arm = arms[row.a];
    const name = make("b", "arm", arm.label);
    name.style.setProperty("--c", `var(--arm-${arm.colour})`);
    const verdict = data.verdicts[row.c];
    const why = row.why && !["match", "mismatch", "truncated", "no_answer"].includes(row.why) ? ` (${row.why})` : "";
    const head = make("header", "", name, make("span", `verdict v${row.c}`, verdict + why), make("span", "meta", metaOf(row)));
    const answer = make("p", "answer");
    answer.append("Answer ", make("code", "", make("bdi", "", row.x === null ? "none" : row.x)), " · expected ", make("code", "", make("bdi", "", row.g)));
    if (state.problem !== row.id) {
      answer.append(make("span", "link-gap", " · "), button("link", "this problem in every arm", () => { state.problem = row.id; reset(); show(true); }));
    }
    const text = make("pre", "", ...row.t.map(piece));
    text.dir = "auto";
    text.tabIndex = 0;
    const problem = make("p", "problem", data.prompts[row.p]);
    problem.dir = "auto";
    return make("article", "card", head, problem, text, answer);
  }

  function matches(row, withVerdict) {
    const fields = form.elements;
    if (fields.arm.value && row.a !== fields.arm.value) return false;
    if (fields.step.value && row.s !== fields.step.value) return false;
    if (state.problem !== null && row.id !== state.problem) return false;
    if (fields.reflecting.checked && !row.t.some((part) => Array.isArray(part) && part[1] !== "cut")) return false;
    const wanted = fields.text.value.trim().toLowerCase();
    if (wanted && !(textOf(row) + "\n" + data.prompts[row.p]).toLowerCase().includes(wanted)) return false;
    return !withVerdict || state.verdict < 0 || row.c === state.verdict;
  }

  function segments() {
    const counts = data.verdicts.map(() => 0);
    for (const row of data.rows) if (matches(row, false)) counts[row.c] += 1;
    const total = counts.reduce((a, b) => a + b, 0);
    const place = document.getElementById("verdicts");
    const kinds = [[-1, "all", total], ...data.verdicts.map((name, i) => [i, name, counts[i]])];
    place.replaceChildren(...kinds.filter(([i]) => i < 2 || data.rows.some((row) => row.c === i)).map(([i, name, count]) => {
      const element = button("", `${name} `, () => { state.verdict = i; state.limit = PAGE; show(); document.querySelector(`#verdicts [data-verdict="${i}"]`).focus(); });
      element.append(make("small", "", String(count)));
      element.dataset.verdict = String(i);
      element.setAttribute("aria-pressed", String(state.verdict === i));
      return element;
    }));
  }

  function reset() {
    form.elements.arm.value = "";
    form.elements.step.value = "";
    form.elements.text.value = "";
    form.elements.reflecting.checked = false;
    state.verdict = -1;
    state.limit = PAGE;
  }

  function show(scroll) {
    segments();
    const found = data.rows.filter((row) => matches(row, true));
    const shown = found.slice(0, state.limit);
    holder.replaceChildren(...shown.map(card));
    status.replaceChildren(found.length ? `Showing ${shown.length} of ${found.length}.` : "Nothing fits these filters.");
    if (state.problem !== null) {
      status.append(" Only problem ", make("bdi", "", state.problem), ". ", button("link", "All problems", () => { state.problem = null; show(); }));
    }
    more.hidden = found.length <= state.limit;
    if (scroll) document.getElementById("completions").scrollIntoView();
  }

  function fill(select, keys, label) {
    for (const key of keys) {
      const option = make("option", "", label(key));
      option.value = key;
      select.append(option);
    }
  }
  const present = (key) => [...new Set(data.rows.map((row) => row[key]))];
  fill(form.elements.arm, Object.keys(arms).filter((key) => present("a").includes(key)), (key) => arms[key].label);
  fill(form.elements.step, present("s").sort((a, b) => (a === "eval") - (b === "eval") || a.localeCompare(b, "en", { numeric: true })), stepName);
  const refresh = () => { state.limit = PAGE; show(); };
  form.addEventListener("input", refresh);
  // Some browsers tell of a choice by "change" alone; for text it would redraw the cards under a click on them.
  form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") refresh(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  more.addEventListener("click", () => { state.limit += PAGE; show(); });
  show();
})();
