/* Makes the program's side of the shop quicker: pieces of pages where they belong, a slider for the rewards of a cart, and an answer in place.
   Nothing needs it: what it puts pieces over is a link that works, and every form is a plain one. No cookie, no storage, no other host. */
(() => {
  "use strict";
  if (!window.customElements || customElements.get("perennial-part")) return;

  const PATIENCE_MS = 2000;      // for a piece: then what stood there stays
  const REDEEM_MS = 15000;       // for a purchase: somebody waits for it, and it is not to be asked for in vain
  const CALM_MS = 250;           // after a change of the product's form: themes write several fields one after another
  const WAIT_MS = 60000;         // for a code: the store has made most within seconds

  // What pieces look like in a page of the shop that has our script and not our stylesheet; the same rules stand there.
  const LOOK = `
perennial-part { display: block; min-block-size: var(--perennial-height, auto); }
.perennial-unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.perennial-ladder { display: flex; flex-wrap: wrap; gap: var(--perennial-gap, 0.5rem); margin: 0 0 1rem; padding: 0; border: 0; min-inline-size: 0; }
.perennial-ladder legend { padding: 0; margin-block-end: 0.5rem; }
.perennial-ladder label { display: flex; gap: 0.6rem; align-items: center; min-block-size: 2.75rem; margin: 0; padding: 0.35rem 0.9rem; color: inherit; font: inherit; border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: var(--perennial-radius, 0.4rem); cursor: pointer; }
.perennial-ladder label:has(:checked) { border-color: currentColor; background: color-mix(in srgb, currentColor 5%, transparent); }
.perennial-ladder label:has(:disabled) { border-style: dashed; cursor: not-allowed; }
.perennial-ladder input { margin: 0; padding: 0; min-block-size: 0; accent-color: var(--perennial-accent, currentColor); }
.perennial-ladder [type="radio"] { flex: none; inline-size: 1.15em; block-size: 1.15em; }
.perennial-slider { flex: 1 0 100%; }
.perennial-slider input { display: block; inline-size: 100%; block-size: 2.75rem; }
`;

  /** The answer of one of our pages on this site, or an error: another site, too late, not ours. */
  async function ask(address, patience, options) {
    const url = new URL(address, location.href);
    if (url.origin !== location.origin) throw new Error("another site");
    const control = new AbortController();
    const timer = setTimeout(() => control.abort(), patience);
    try {
      const answer = await fetch(url, { credentials: "same-origin", signal: control.signal, ...options });
      return { answer, text: await answer.text() };
    } finally {
      clearTimeout(timer);
    }
  }

  /** A piece of ours as an element. What a log-in page or an error of the platform says is none. */
  async function piece(address, patience, options) {
    const { answer, text } = await ask(address, patience, options);
    const made = document.createElement("template");
    made.innerHTML = text;
    const found = made.content.firstElementChild;
    const refused = options && answer.status === 409;
    if (!(answer.ok || refused) || !found || !found.classList.contains("perennial")) throw new Error("no piece");
    return document.importNode(found, true);
  }

  class Part extends HTMLElement {
    static get observedAttributes() { return ["src"]; }

    connectedCallback() {
      this.fallback = this.fallback || [...this.childNodes];
      if (this.dataset.variantField !== undefined) {
        this.hears = (event) => this.follow(event);
        document.addEventListener("change", this.hears);
      }
      this.load();
    }

    disconnectedCallback() {
      if (this.hears) document.removeEventListener("change", this.hears);
      clearTimeout(this.soon);
    }

    attributeChangedCallback(_name, before, after) {
      if (this.fallback && this.isConnected && before !== after) this.load();
    }

    /** Show the piece; the newest question counts. On any trouble what stood here first stands here again. */
    async load() {
      const turn = this.turn = (this.turn || 0) + 1;
      let shown = this.fallback;
      try {
        const found = await piece(this.getAttribute("src"), PATIENCE_MS);
        if (found.matches("[data-perennial-cart]")) wire(found);
        shown = [found];
      } catch { /* the fallback is the answer */ }
      if (turn !== this.turn || !this.isConnected) return;
      if (shown !== this.fallback || this.firstChild !== this.fallback[0]) this.replaceChildren(...shown);
    }

    /** Another variant, or another number of pieces, in the form of the product. `data-amounts`: "variant:minor units,...". */
    follow(event) {
      const form = event.target && event.target.form;
      const field = form && form.elements.namedItem(this.dataset.variantField || "id");
      if (!field) return;
      clearTimeout(this.soon);
      this.soon = setTimeout(() => {
        const amounts = new Map((this.dataset.amounts || "").split(",").map((pair) => pair.trim().split(":")));
        const pieces = form.elements.namedItem("quantity");
        const quantity = Math.max(1, parseInt(pieces && pieces.value, 10) || 1);
        if (!amounts.has(field.value)) return;
        const url = new URL(this.getAttribute("src"), location.href);
        url.searchParams.set("variant", field.value);
        url.searchParams.set("quantity", quantity);
        url.searchParams.set("amount", amounts.get(field.value) * quantity);
        this.setAttribute("src", url.pathname + url.search);
      }, CALM_MS);
    }
  }

  /** Let the cart's piece answer in place: its slider, its form, and the code that it waits for. */
  function wire(section) {
    const form = section.querySelector("form[data-perennial-redeem]");
    if (form) {
      slide(form);
      form.addEventListener("submit", (event) => redeem(event, section, form));
    }
    if (section.querySelector("[data-perennial-code]")) waitFor(section);
  }

  /** A slider beside the radio buttons, one step for each that can be chosen. Either moves the other. */
  function slide(form) {
    const place = form.querySelector("[data-perennial-slider]");
    const radios = [...form.querySelectorAll("input[type=radio]:not(:disabled)")];
    if (!place || radios.length < 2) return;
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: radios.length - 1, step: 1 });
    range.setAttribute("aria-label", form.querySelector("legend").textContent);
    const say = () => {
      const chosen = radios[range.value];
      chosen.checked = true;
      range.setAttribute("aria-valuetext", chosen.closest("label").textContent.replace(/\s+/g, " ").trim());
    };
    const follow = () => { range.value = Math.max(0, radios.findIndex((radio) => radio.checked)); say(); };
    range.addEventListener("input", say);
    radios.forEach((radio) => radio.addEventListener("change", follow));
    place.append(range);
    follow();
  }

  /** Buy by fetch. The ticket in the form names the click, so whatever is sent again buys nothing again. */
  async function redeem(event, section, form) {
    if (form.dataset.plainly !== undefined) return;
    event.preventDefault();
    const button = form.querySelector("button");
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    button.setAttribute("aria-disabled", "true");
    tell(section, form.dataset.waits);
    const body = new URLSearchParams(new FormData(form));
    body.set("fragment", "1");
    try {
      const found = await piece(form.action, REDEEM_MS, { method: "POST", body });
      const ready = found.querySelector("[data-perennial-ready] [data-perennial-use]");
      section = swap(section, found);
      if (ready) location.assign(ready.href);
    } catch {
      // The next press goes the plain way, as without this script.
      form.dataset.plainly = "";
      form.removeAttribute("aria-busy");
      button.removeAttribute("aria-disabled");
      tell(section, form.dataset.failed, true);
    }
  }

  /** Ask for the code with growing pauses, and go into the cart with it. The link stays all the while, and works by itself. */
  async function waitFor(section) {
    const place = section.querySelector("[data-perennial-code]");
    const until = Date.now() + WAIT_MS;
    for (let pause = 600; Date.now() + pause < until; pause *= 1.4) {
      await new Promise((go) => setTimeout(go, pause));
      if (!place.isConnected) return;
      try {
        const { answer, text } = await ask(place.dataset.perennialCode, PATIENCE_MS * 2);
        const { state } = answer.ok ? JSON.parse(text) : {};
        if (state === "ready") return void location.assign(place.querySelector("[data-perennial-use]").href);
        if (state && state !== "making") return void swap(section, await piece(place.dataset.again, PATIENCE_MS * 2));
      } catch { /* asked again, until the time is over */ }
    }
  }

  function swap(section, found) {
    const held = section.contains(document.activeElement);
    tell(section, [...found.querySelectorAll("[role=status] p, [role=alert]")].map((each) => each.textContent.trim()).join(" "));
    section.replaceWith(found);
    wire(found);
    const next = found.querySelector("[data-perennial-use], button, a[href]");
    if (held && next) next.focus();
    return found;
  }

  /** Say something where it is heard: a region that stays while the piece changes. `plainly`: where it is seen, too. */
  function tell(section, words, plainly) {
    let region = section.previousElementSibling;
    if (!region || region.dataset.perennialSays === undefined) {
      region = document.createElement("p");
      region.dataset.perennialSays = "";
      region.setAttribute("role", "status");
      section.before(region);
    }
    region.className = plainly ? "perennial-refusal" : "perennial-unseen";
    region.textContent = words;
  }

  if (window.CSSStyleSheet && "adoptedStyleSheets" in document && !document.querySelector("link[href*='storefront.css']")) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(LOOK);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  customElements.define("perennial-part", Part);
  document.querySelectorAll("[data-perennial-cart]").forEach((section) => section.closest("perennial-part") || wire(section));
})();
