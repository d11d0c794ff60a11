/* The admin's side of App Bridge: gives the embedded page its ID tokens and shows its toasts. */
(() => {
  "use strict";
  const frame = document.getElementById("app");
  const origin = new URL(frame.src).origin;

  window.addEventListener("message", async (event) => {
    if (event.source !== frame.contentWindow || event.origin !== origin || !event.data) return;
    const { sandbox, apiKey, number } = event.data;
    if (sandbox === "toast") return toast(event.data.message, event.data.isError);
    if (sandbox !== "id-token" || apiKey !== frame.dataset.clientId) return;
    const answer = await fetch(frame.dataset.tokens, { method: "POST" });
    const token = answer.ok ? (await answer.json()).token : null;
    frame.contentWindow.postMessage({ sandbox: "id-token", number, token }, origin);
  });

  function toast(message, isError) {
    const box = document.createElement("div");
    box.className = isError ? "toast bad" : "toast";
    box.setAttribute("role", "status");
    box.textContent = message;
    document.body.append(box);
    setTimeout(() => box.remove(), 5000);
  }
})();
