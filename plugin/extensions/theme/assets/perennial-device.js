// A number that this browser drew once, put into the forms of our own pages in the shop: by it a friend is told from an
// advocate who invites himself. It is random, says nothing of anybody, and goes nowhere but into those forms; the app
// keeps digests of it for half a year. Only where the visitor has agreed to marketing in the shop's own banner; whoever
// takes that back has no number any more. Without this script the forms work as well, and say nothing here.

(() => {
  const KEY = "perennial_device";
  const NUMBER = /^[0-9a-f]{32}$/;

  const drawn = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  function kept() {
    try {
      const before = localStorage.getItem(KEY);
      if (NUMBER.test(before || "")) return before;
      const fresh = drawn();
      localStorage.setItem(KEY, fresh);
      return fresh;
    } catch {
      return ""; // This browser keeps nothing, and that is its owner's choice.
    }
  }

  function forget() {
    try {
      localStorage.removeItem(KEY);
    } catch {
      return;
    }
  }

  function put() {
    const {marketing} = window.Shopify.customerPrivacy.currentVisitorConsent();
    if (marketing !== "yes") forget();
    const number = marketing === "yes" ? kept() : "";
    for (const form of document.querySelectorAll("form[data-perennial-device]")) {
      form.elements.device.value = number;
      if (number && form.dataset.perennialDevice === "tell") {
        fetch(form.action, {method: "POST", body: new URLSearchParams(new FormData(form)), keepalive: true});
      }
    }
  }

  if (!document.querySelector("form[data-perennial-device]") || !window.Shopify || !window.Shopify.loadFeatures) return;
  window.Shopify.loadFeatures([{name: "consent-tracking-api", version: "0.1"}], (trouble) => {
    if (trouble) return;
    put();
    document.addEventListener("visitorConsentCollected", put);
  });
})();
