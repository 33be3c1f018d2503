// The editor of a template: line numbers, fields at the cursor, indenting, the way to a faulty line. Without this file all of it can be typed.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const source = document.querySelector("#source"), numbers = document.querySelector(".numbers");
  if (!source || !numbers) return;
  let shown = 0;

  function count() {
    const lines = source.value.split("\n").length;
    if (lines === shown) return;
    shown = lines;
    numbers.textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
    numbers.scrollTop = source.scrollTop;
  }

  function insert(text) {
    source.focus();
    source.setRangeText(text, source.selectionStart, source.selectionEnd, "end");
    source.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function toLine(line) {
    const before = source.value.split("\n").slice(0, line - 1).join("\n").length;
    const start = line > 1 ? before + 1 : 0;
    const end = source.value.indexOf("\n", start);
    source.focus();
    source.setSelectionRange(start, end < 0 ? source.value.length : end);
    source.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(source).lineHeight));
  }

  const written = {
    text: (name) => `{{ ${name} }}`,
    number: (name) => `{{ ${name} | money }}`,
    date: (name) => `{{ ${name} | date }}`,
    address: (name) => `{{ ${name} | address }}`,
    list: (name) => `{% for one in ${name} %}{{ one }}{% endfor %}`,
  };

  source.addEventListener("input", count);
  source.addEventListener("scroll", () => { numbers.scrollTop = source.scrollTop; });
  source.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "]") { event.preventDefault(); insert("  "); }
  });
  document.addEventListener("click", (event) => {
    const field = event.target.closest("[data-insert]"), line = event.target.closest("[data-line]");
    if (field) insert((written[field.dataset.kind] || written.text)(field.dataset.insert));
    if (line) {
      const [language, part] = line.dataset.part.split(".");
      const form = document.querySelector("#source-form");
      if ((part || language) === form.elements.part.value && (!part || language === form.elements.lang.value)) toLine(Number(line.dataset.line));
      else location.href = `?lang=${language}&part=${part || language}#L${line.dataset.line}`;
    }
  });
  // the revision that the next change builds on comes with the preview
  document.addEventListener("htmx:afterSwap", () => {
    const preview = document.querySelector("#preview");
    if (preview) document.querySelector("#source-form").elements.revision.value = preview.dataset.revision;
  });
  document.addEventListener("htmx:beforeRequest", () => document.querySelector("#preview")?.classList.add("stale"));
  const wanted = location.hash.match(/^#L(\d+)$/);
  count();
  if (wanted) toLine(Number(wanted[1]));
});
