/* Shows a part of a shop's program on another site of the merchant's: a balance, what the program offers.
 *
 *   <script src="https://APP/embed.js" data-shop="DOOR" defer></script>
 *   <perennial-part></perennial-part>
 *
 * What stands inside the element is what shows while we are slow, and if we cannot be reached. There is no cookie; who it is for is what
 * the site's own server wrote into data-token, and without that it is a stranger. */
(() => {
  "use strict";
  const own = document.currentScript;
  if (!own || !own.dataset.shop || customElements.get("perennial-part")) return;
  const app = new URL(own.src).origin, door = `${app}/s/${encodeURIComponent(own.dataset.shop)}/`;
  const PATIENCE_MS = 4000;
  const policy = window.trustedTypes ? trustedTypes.createPolicy("perennial", { createHTML: (text) => text }) : null;
  let styled = null;

  const style = () => styled || (styled = new Promise((done) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${app}/static/storefront.css` });
    sheet.onload = sheet.onerror = done;
    document.head.append(sheet);
  }));

  const ask = async (part, token, signal) => {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    const answer = await fetch(part, { headers, credentials: "omit", referrerPolicy: "origin", signal });
    // A token that has ended shows what a stranger sees.
    if (answer.status === 401 && token) return ask(part, "", signal);
    return answer.ok && answer.headers.get("Content-Type").startsWith("text/html") ? answer.text() : null;
  };

  class Part extends HTMLElement {
    static observedAttributes = ["data-token", "part"];

    connectedCallback() {
      // Its place is kept before anything is asked, so that nothing below it moves; a site may say itself how much. What
      // strangers read takes more lines on a telephone.
      this.style.display = "block";
      const high = !this.dataset.token && this.clientWidth < 480;
      if (["auto", "0px"].includes(getComputedStyle(this).minBlockSize)) this.style.minBlockSize = high ? "14rem" : "9rem";
      this.show();
    }

    attributeChangedCallback() { if (this.isConnected && this.asked) this.show(); }

    async show() {
      const part = new URL(this.getAttribute("part") || "block", door);
      if (!part.href.startsWith(door)) return;
      const asked = this.asked = new AbortController();
      const patience = setTimeout(() => asked.abort(), PATIENCE_MS);
      try {
        const [text] = await Promise.all([ask(part, this.dataset.token, asked.signal), style()]);
        if (!text) throw new Error("no part");
        if (asked !== this.asked) return;
        this.innerHTML = policy ? policy.createHTML(text) : text;
        // What has nothing to say takes no place.
        if (this.firstElementChild?.hidden) this.style.minBlockSize = "";
      } catch {
        // We are down, slow, or this site is not among those that the merchant named: the page is as it was.
        if (!this.innerHTML.trim()) this.style.minBlockSize = "";
      } finally {
        clearTimeout(patience);
      }
    }
  }
  customElements.define("perennial-part", Part);
})();
