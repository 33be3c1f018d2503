// Rows of a plan: add, remove, move. Without this file the rows and an empty one are still there.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[data-moves], [data-step=add]")) part.hidden = false;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step]");
  if (!button) return;
  const root = button.closest("form");
  const list = root.querySelector("[data-steps]");
  const row = button.closest("li.step");
  const word = button.dataset.step;
  let focus = button;
  if (word === "add") {
    const fresh = list.lastElementChild.cloneNode(true);
    fresh.querySelector("[name=step-word]").value = "";
    fresh.querySelector("[name=step-wait]").value = "";
    list.append(fresh);
    focus = fresh.querySelector("[name=step-word]");
  } else if (word === "up" && row.previousElementSibling) {
    row.previousElementSibling.before(row);
  } else if (word === "down" && row.nextElementSibling) {
    row.nextElementSibling.after(row);
  } else if (word === "out") {
    const near = row.nextElementSibling ?? row.previousElementSibling;
    if (list.children.length > 1) { row.remove(); focus = near.querySelector("[data-step=out]"); }
    else { row.querySelector("[name=step-word]").value = ""; focus = row.querySelector("[name=step-word]"); }
  }
  focus.focus();
  if (word !== "add") list.dispatchEvent(new Event("change", { bubbles: true })); // the sentence and the price follow
});
