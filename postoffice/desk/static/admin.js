// Copy buttons, and tabs on a phone. Without this file they stay hidden, and a click on the text selects all of it.
"use strict";

async function copyOf(id, button) {
  const source = document.getElementById(id);
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  try {
    // the clipboard is only offered over https and on this computer; the old way works everywhere
    if (navigator.clipboard) await navigator.clipboard.writeText(source.textContent);
    else if (!document.execCommand("copy")) return;
  } catch {
    return; // the text stays selected: Ctrl+C does the rest
  }
  const before = button.textContent;
  button.textContent = button.dataset.copied;
  button.classList.add("is-done");
  setTimeout(() => { button.textContent = before; button.classList.remove("is-done"); }, 2000);
}

document.addEventListener("DOMContentLoaded", () => {
  // on a phone the tabs scroll: the present one is brought into view
  const tabs = document.querySelector(".tabs"), tab = tabs?.querySelector("[aria-current]");
  if (tab) tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copyOf(button.dataset.copy, button));
  }
});
