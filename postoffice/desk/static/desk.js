// What htmx does not do by itself: keys, dialogs, ticks, uploads. Every page also works without this file, except for live parts.
"use strict";

const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const panel = () => one("#panel");
const dialog = () => one("#dialog");
let before = null; // what had the focus before the panel was opened

// --- dialogs: htmx puts their content in, we open and close them

document.addEventListener("htmx:afterSwap", (event) => {
  const target = event.detail.target ?? event.target; // the extension for server-sent events names none
  if (target.id === "dialog" && target.innerHTML.trim()) {
    if (!target.open) target.showModal();
    one("[autofocus]", target)?.focus();
  }
  if (target.id === "panel") {
    document.body.classList.toggle("paneled", Boolean(target.innerHTML.trim()));
    target.scrollTop = 0;
    target.focus({ preventScroll: true });
  }
  if (target.id === "list" || target.id === "grid") restoreTicks(target);
  if (target.id === "notice") {
    if (dialog().open) dialog().close();
    target.scrollIntoView({ block: "nearest" });
  }
});

function closePanel() {
  if (!panel() || !panel().innerHTML.trim()) return false;
  panel().innerHTML = "";
  if (before && document.contains(before)) before.focus();
  return true;
}

document.addEventListener("click", (event) => {
  const close = event.target.closest("[data-close]");
  if (close && (close.closest("dialog") || close.closest("#panel"))) {
    event.preventDefault();
    if (close.closest("dialog")) dialog().close();
    else closePanel();
  }
  if (event.target.closest("[data-back]")) history.back();
  const row = event.target.closest("[data-row]");
  if (row) before = row;
  all("details.who[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});

// --- what cannot be undone asks first; forms that take a while say so; no form goes twice

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.dataset.sure && form.dataset.asked !== "yes") {
    event.preventDefault();
    ask(form, button);
    return;
  }
  if (form.dataset.busy) {
    document.body.classList.add("busy");
    if (button) { button.setAttribute("aria-busy", "true"); button.textContent = form.dataset.busy; }
  }
  if (form.method === "post" && !form.hasAttribute("hx-post") && form.id !== "upload") {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }
}, true);

window.addEventListener("pageshow", () => {
  all("form[data-sent]").forEach((form) => delete form.dataset.sent);
  document.body.classList.remove("busy");
});

function ask(form, button) {
  const box = dialog();
  box.replaceChildren();
  const article = document.createElement("article");
  article.className = "ask";
  const question = document.createElement("p");
  question.textContent = form.dataset.sure;
  const buttons = document.createElement("p");
  buttons.className = "buttons";
  const yes = document.createElement("button");
  yes.type = "button";
  yes.textContent = button.textContent.trim();
  yes.dataset.yes = "";
  const no = document.createElement("button");
  no.type = "button";
  no.className = "secondary outline";
  no.textContent = document.body.dataset.no;
  yes.addEventListener("click", () => { form.dataset.asked = "yes"; box.close(); form.requestSubmit(button); });
  no.addEventListener("click", () => box.close());
  buttons.append(yes, no);
  article.append(question, buttons);
  box.append(article);
  box.showModal();
  no.focus();
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// --- ticks: counted aloud, kept when a list is fetched anew

const ticks = new Set();

function restoreTicks(root) {
  all("input[name=chosen]", root).forEach((box) => { box.checked = ticks.has(box.value); });
  countTicks();
}

function countTicks() {
  const bar = one(".ticked");
  if (!bar) return;
  const number = all("input[name=chosen]:checked").length;
  bar.hidden = number === 0;
  one("span", bar).textContent = bar.dataset.ticked.replace("{n}", number);
}

document.addEventListener("change", (event) => {
  if (event.target.name !== "chosen") return;
  if (event.target.checked) ticks.add(event.target.value); else ticks.delete(event.target.value);
  countTicks();
});

// --- keys: j and k walk, Enter opens, Esc closes, / searches

function rows() {
  return all("[data-row]").filter((row) => row.offsetParent !== null);
}

function walk(step) {
  const inPanel = panel() && panel().innerHTML.trim();
  if (inPanel) {
    one(step > 0 ? "[data-following]" : "[data-previous]", panel())?.click();
    return;
  }
  const list = rows();
  const at = list.indexOf(document.activeElement);
  const next = list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + step))];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
  if (event.key === "Escape") {
    if (dialog().open) return; // the browser closes it
    if (typing && !panel()?.contains(event.target)) { event.target.blur(); return; }
    if (closePanel()) event.preventDefault();
    return;
  }
  if (typing || dialog().open) return;
  if (event.key === "j" || event.key === "k") { event.preventDefault(); walk(event.key === "j" ? 1 : -1); }
  if (event.key === "/") {
    const field = one("input[type=search]");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  }
});

// --- live parts: when the page is another one now, fetch it

document.addEventListener("htmx:sseBeforeMessage", (event) => {
  if (event.detail.type === "turned") location.reload();
});

document.addEventListener("DOMContentLoaded", countTicks);

// --- the office cannot be reached

for (const name of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(name, () => {
    const note = document.createElement("p");
    note.className = "wrong";
    note.textContent = document.body.dataset.lost;
    one("#notice").replaceChildren(note);
  });
}

// --- upload: drop, progress, and the reason where it was refused

document.addEventListener("DOMContentLoaded", () => {
  const form = one("#upload");
  if (!form) return;
  const drop = one("#drop"), input = one("input[name=file]", form), words = one("#sent-words"), bar = one("#sent");
  const show = () => { if (input.files[0]) one("[data-chosen]").textContent = input.files[0].name; };
  input.addEventListener("change", show);
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; show(); } });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest();
    const button = one("button[type=submit]", form);
    request.open("POST", form.action);
    request.setRequestHeader("X-Upload", "1");
    request.setRequestHeader("HX-Request", "true");
    request.setRequestHeader("X-CSRF", form.elements.csrf.value);
    request.upload.addEventListener("progress", (event) => {
      bar.hidden = false;
      bar.value = (100 * event.loaded) / event.total;
      const size = (bytes) => (bytes / 1e6).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 }) + "\u00a0" + document.body.dataset.megabytes;
      words.textContent = event.loaded < event.total ? words.dataset.words.replace("{done}", size(event.loaded)).replace("{all}", size(event.total)) : words.dataset.storing;
    });
    const end = () => { button.disabled = false; bar.hidden = true; words.textContent = ""; };
    request.addEventListener("load", () => {
      const answered = request.getResponseHeader("HX-Redirect");
      if (answered) { location.assign(answered); return; }
      if (request.status === 201) { location.assign(JSON.parse(request.responseText).address); return; }
      end();
      one("#notice").innerHTML = request.responseText; // our own server's escaped notice
      one("#notice").scrollIntoView();
    });
    request.addEventListener("error", () => { end(); const note = document.createElement("p"); note.className = "wrong"; note.textContent = document.body.dataset.lost; one("#notice").replaceChildren(note); });
    button.disabled = true;
    request.send(new FormData(form));
  });
});
