// Passkeys: asks the office what to ask the device, and sends the device's answer with the form. Without this file the buttons stay hidden.
"use strict";

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function asked(options) {
  const wanted = { ...options, challenge: toBytes(options.challenge) };
  if (wanted.user) wanted.user = { ...wanted.user, id: toBytes(wanted.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"])
    if (wanted[list]) wanted[list] = wanted[list].map((one) => ({ ...one, id: toBytes(one.id) }));
  return { publicKey: wanted };
}

function answered(made) {
  const response = { clientDataJSON: toText(made.response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"])
    if (made.response[part]) response[part] = toText(made.response[part]);
  return { id: made.id, rawId: toText(made.rawId), type: made.type, response, clientExtensionResults: made.getClientExtensionResults() };
}

async function usePasskey(form, button) {
  const said = form.querySelector("[data-passkey-said]");
  said.hidden = true;
  button.disabled = true;
  try {
    const csrf = form.elements.csrf?.value ?? "";
    const reply = await fetch(form.dataset.passkey, { method: "POST", headers: { "X-CSRF": csrf }, redirect: "error" });
    if (!reply.ok) throw new Error(String(reply.status));
    const told = await reply.json();
    const make = form.dataset.passkeyMake !== undefined;
    const made = make ? await navigator.credentials.create(asked(told.publicKey)) : await navigator.credentials.get(asked(told.publicKey));
    form.elements.step.value = told.step;
    form.elements.answer.value = JSON.stringify(answered(made));
    form.submit();
  } catch {
    said.hidden = false; // closed, timed out, or no such passkey here: the person decides what next
    button.disabled = false;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  if (!window.PublicKeyCredential) return;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      usePasskey(form, form.querySelector("button"));
    });
  }
});
