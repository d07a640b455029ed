// A page of a run under way is read again every few seconds; what its reader had set stays as it was.
(() => {
  "use strict";
  const seconds = Number(document.documentElement.dataset.fresh);
  const key = "leadline " + location.pathname;
  const folds = () => [...document.querySelectorAll("details")];
  const chips = () => [...document.querySelectorAll(".chip")];
  const nameOf = (element) => element.textContent.trim().slice(0, 80);
  const form = document.getElementById("filters");

  function keep() {
    const state = { x: scrollX, y: scrollY,
      open: folds().filter((fold) => fold.open).map((fold) => nameOf(fold.querySelector("summary"))),
      off: chips().filter((chip) => chip.getAttribute("aria-pressed") === "false").map(nameOf),
      filters: form ? ["arm", "step", "text"].map((name) => form.elements[name].value) : [] };
    try { sessionStorage.setItem(key, JSON.stringify(state)); } catch { /* a browser that keeps nothing */ }
  }

  function restore() {
    let state = null;
    try { state = JSON.parse(sessionStorage.getItem(key)); sessionStorage.removeItem(key); } catch { /* likewise */ }
    if (!state) return;
    for (const fold of folds()) if (state.open.includes(nameOf(fold.querySelector("summary")))) fold.open = true;
    for (const chip of chips()) if (state.off.includes(nameOf(chip))) chip.click();
    if (form && state.filters.some(Boolean)) {
      ["arm", "step", "text"].forEach((name, i) => { form.elements[name].value = state.filters[i]; });
      form.dispatchEvent(new Event("input"));
    }
    scrollTo(state.x, state.y);
  }

  const busy = () => document.hidden || String(getSelection()) || (document.activeElement && document.activeElement.form);
  function again() {
    if (busy()) { setTimeout(again, 1000); return; }
    keep();
    location.reload();
  }

  history.scrollRestoration = "manual";
  addEventListener("load", () => {
    restore();
    if (seconds > 0) setTimeout(again, 1000 * seconds);
  });
})();
