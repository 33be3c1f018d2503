// The station of returned mail: bins by Alt and a digit, the field always ready for the next envelope, Ctrl Z, and the camera.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const typed = document.querySelector("#typed"), came = document.querySelector("#came"), bins = document.querySelector("#bins");
  const camera = document.querySelector("#camera");
  if (!typed || !came || !bins) return;
  const reason = () => bins.elements.reason.value;
  const scanned = document.querySelector("#scanned select");

  bins.addEventListener("change", () => { if (scanned) scanned.value = reason(); ready(); });
  bins.addEventListener("submit", (event) => event.preventDefault());
  function ready() { typed.focus(); typed.select(); }

  document.addEventListener("keydown", (event) => {
    const digit = /^(?:Digit|Numpad)([1-9])$/.exec(event.code);
    if (event.altKey && !event.ctrlKey && digit) {
      const bin = bins.querySelectorAll("input[name=reason]")[Number(digit[1]) - 1];
      if (bin) { event.preventDefault(); bin.checked = true; bin.dispatchEvent(new Event("change", { bubbles: true })); }
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typed.value) {
      const undo = came.querySelector("[data-undo]");
      if (undo) { event.preventDefault(); undo.click(); }
    }
    if (event.key === "Escape") ready();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== came) return;
    document.querySelector("#notice").replaceChildren();
    if (came.querySelector("[data-entered]")) { typed.value = ""; ready(); }
    else came.querySelector("[data-first]")?.focus();
  });
  document.addEventListener("htmx:responseError", () => ready());

  // --- the camera: a picture every now and then; the office reads it and says nothing until there is a code
  if (!camera || !navigator.mediaDevices?.getUserMedia) return;
  camera.hidden = false;
  const video = camera.querySelector("video"), says = camera.querySelector("[role=status]");
  const start = camera.querySelector("[data-start]"), stop = camera.querySelector("[data-stop]");
  const canvas = document.createElement("canvas");
  let stream = null;

  start.addEventListener("click", async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
    } catch {
      says.textContent = camera.dataset.failed;
      return;
    }
    video.srcObject = stream;
    await video.play();
    video.dataset.on = "yes";
    start.hidden = true;
    stop.hidden = false;
    says.textContent = camera.dataset.seeking;
    look();
  });
  stop.addEventListener("click", () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    delete video.dataset.on;
    start.hidden = false;
    stop.hidden = true;
    says.textContent = "";
    start.focus();
  });

  let last = ""; // what lies under the camera still lies there in the next picture
  async function look() {
    while (stream) {
      await new Promise((done) => setTimeout(done, 400));
      if (!stream || document.hidden || !video.videoWidth) continue;
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
      const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRF"];
      try {
        const answer = await fetch(`/returned/frame?reason=${encodeURIComponent(reason())}`, {
          method: "POST", body: picture, headers: { "X-CSRF": token, "HX-Request": "true", "Content-Type": "image/jpeg" },
        });
        if (answer.status === 204) { says.textContent = camera.dataset.seeking; continue; }
        const text = await answer.text();
        const box = document.createElement("template");
        box.innerHTML = text;
        const who = box.content.querySelector(".read, p")?.textContent ?? text;
        if (who === last) continue;
        last = who;
        came.innerHTML = text;
        window.htmx?.process(came);
        if (answer.ok) says.textContent = camera.dataset.seen;
      } catch {
        says.textContent = document.body.dataset.lost;
      }
    }
  }
});
