/* Speaks with the authenticator: takes the server's question from the page, and sends the answer by the form inside. Nothing is fetched. */
(() => {
  "use strict";
  const raw = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  /* What the browser wants as bytes; JSON has only text. */
  const question = (said) => {
    const asked = JSON.parse(said);
    asked.challenge = raw(asked.challenge);
    if (asked.user) asked.user.id = raw(asked.user.id);
    for (const known of asked.excludeCredentials || []) known.id = raw(known.id);
    return asked;
  };

  customElements.define("passkey-form", class extends HTMLElement {
    connectedCallback() {
      const form = this.querySelector("form");
      const bad = this.querySelector("[role=alert]");
      if (!window.PublicKeyCredential) return;
      form.hidden = false;
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        bad.hidden = true;
        try {
          const publicKey = question(this.dataset.question);
          const found = await navigator.credentials[publicKey.rp ? "create" : "get"]({ publicKey });
          const response = {};
          for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
            if (found.response[part]) response[part] = text(found.response[part]);
          form.elements.answer.value = JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
          form.submit();
        } catch (trouble) {
          bad.textContent = this.dataset.failed;
          bad.hidden = false;
        }
      });
    }
  });
})();
