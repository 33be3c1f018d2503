// The mail's editor: the preview fits its column, keeps its width and light when it is renewed, fields go where the cursor was.
// Without this file the preview scrolls, and all else works.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("#source-form");
  let last = null, look = "desktop", dark = false;
  const widths = { phone: 375, tablet: 768, desktop: 1024 };

  function fit() {
    const screen = document.querySelector(".mail-preview .screen");
    if (!screen) return;
    const scale = Math.min(1, screen.clientWidth / widths[look]);
    for (const frame of screen.querySelectorAll("iframe")) {
      frame.style.transform = scale < 1 ? `scale(${scale})` : "";
      frame.style.height = `${100 / scale}%`;
      frame.style.marginInline = scale < 1 ? "0" : "auto";
    }
    screen.style.overflow = "hidden";
  }

  function choose() {
    for (const one of document.querySelectorAll('.looks [name="look"]')) one.checked = one.value === look;
    const light = document.querySelector('.looks [name="dark"]');
    if (light) light.checked = dark;
    fit();
  }

  document.addEventListener("change", (event) => {
    if (event.target.name === "look") look = event.target.value;
    else if (event.target.name === "dark") dark = event.target.checked;
    else return;
    fit();
  });
  form.addEventListener("focusin", (event) => { if (event.target.matches("input:not([type=hidden]), textarea")) last = event.target; });
  document.addEventListener("click", (event) => {
    const field = event.target.closest("[data-insert]");
    if (!field || document.querySelector("#source") || !last) return;
    const filter = { number: " | money", date: " | date" }[field.dataset.kind] || "";
    last.focus();
    last.setRangeText(`{{ ${field.dataset.insert}${filter} }}`, last.selectionStart, last.selectionEnd, "end");
    last.dispatchEvent(new Event("input", { bubbles: true }));
  });
  // a button that changes the list of blocks sends the whole form and comes back with the page
  form.addEventListener("submit", (event) => {
    const sure = event.submitter?.dataset.sure;
    if (sure && !confirm(sure)) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    if (!form.classList.contains("htmx-request")) return;
    event.preventDefault(); // what was typed is still being kept: go on when it is, from the revision that it made
    event.stopImmediatePropagation();
    const button = event.submitter;
    form.addEventListener("htmx:afterRequest", () => setTimeout(() => form.requestSubmit(button), 50), { once: true });
  }, true);
  document.addEventListener("htmx:afterSwap", () => {
    const preview = document.querySelector("#preview");
    if (preview) form.elements.revision.value = preview.dataset.revision;
    choose();
  });
  window.addEventListener("resize", fit);
  const block = location.hash.startsWith("#block-") && document.querySelector(location.hash);
  if (block) block.querySelector("input:not([type=hidden]), textarea, select, button:not([disabled])")?.focus();
  choose();
});
