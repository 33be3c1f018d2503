// Drawing the box of a field on the picture of a page. Typing its millimetres does the same; without this file only typing is left.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const board = document.querySelector("#draw"), form = document.querySelector("#fields");
  if (!board || !form) return;
  const sheet = board.querySelector("svg"), picture = board.querySelector("img");
  const WIDE = 210, HIGH = 297;
  let corner = null;

  const chosen = () => form.elements.drawing.value;
  const zone = (name) => form.elements[name + "-zone"];
  const numbers = (text) => text.split(/[,;\s]+/).filter(Boolean).map(Number);
  const place = (event) => {
    const frame = picture.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * WIDE, y = ((event.clientY - frame.top) / frame.width) * WIDE;
    return [Math.min(WIDE, Math.max(0, x)), Math.min(HIGH, Math.max(0, y))];
  };
  const round = (value) => Math.round(value * 2) / 2;

  function paint() {
    sheet.replaceChildren();
    for (const radio of form.querySelectorAll("input[name=drawing]")) {
      const sides = numbers(zone(radio.value).value);
      if (sides.length !== 4 || sides.some((side) => !Number.isFinite(side))) continue;
      const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      ["x", "y", "width", "height"].forEach((side, index) => box.setAttribute(side, Math.max(0, sides[index])));
      box.setAttribute("class", radio.checked ? "zone now" : "zone");
      sheet.append(box);
      const name = document.createElementNS("http://www.w3.org/2000/svg", "text");
      name.setAttribute("x", sides[0]);
      name.setAttribute("y", Math.max(4, sides[1] - 1));
      name.textContent = radio.closest("legend").textContent.trim();
      sheet.append(name);
    }
  }

  // the last page is shown where the field is read there
  function turn() {
    const last = form.elements[chosen() + "-page"].value === "last";
    const address = picture.dataset.base + (last ? picture.dataset.last : 1) + ".png";
    if (!picture.src.endsWith(address)) picture.src = address;
  }

  picture.draggable = false;
  board.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    event.preventDefault();
    corner = place(event);
    board.setPointerCapture(event.pointerId);
  });
  board.addEventListener("pointermove", (event) => {
    if (!corner) return;
    const [x, y] = place(event);
    const sides = [Math.min(x, corner[0]), Math.min(y, corner[1]), Math.abs(x - corner[0]), Math.abs(y - corner[1])];
    if (sides[2] > 1 && sides[3] > 1) zone(chosen()).value = sides.map(round).join(",");
    paint();
  });
  for (const end of ["pointerup", "pointercancel"]) board.addEventListener(end, () => { corner = null; });
  form.addEventListener("input", () => { paint(); turn(); });
  form.addEventListener("focusin", (event) => {
    const field = event.target.closest("[data-field]");
    if (field) form.elements.drawing.value = field.dataset.field;
    paint();
    turn();
  });
  // Alt with the arrows moves the box by half a millimetre, with Shift it grows or shrinks
  form.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-0.5, 0], ArrowRight: [0.5, 0], ArrowUp: [0, -0.5], ArrowDown: [0, 0.5] }[event.key];
    const sides = numbers(zone(chosen()).value);
    if (!event.altKey || !steps || sides.length !== 4) return;
    event.preventDefault();
    const from = event.shiftKey ? 2 : 0;
    sides[from] = Math.max(from ? 1 : 0, sides[from] + steps[0]);
    sides[from + 1] = Math.max(from ? 1 : 0, sides[from + 1] + steps[1]);
    zone(chosen()).value = sides.map(round).join(",");
    paint();
  });
  paint();
  turn();
});
