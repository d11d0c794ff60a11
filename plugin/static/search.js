/* <customer-search src="…"> around the field of the customers' form: shows whom somebody may mean while they type.
 *
 * Waits until the typing pauses, drops the question before, and says how many were found. "/" goes to the field from
 * anywhere, the arrows move, Enter opens, Escape puts away. Without this script the form's own button finds them. */
(() => {
  "use strict";
  const PAUSE_MS = 150;
  const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]");

  class CustomerSearch extends HTMLElement {
    connectedCallback() {
      this.field = this.querySelector("input");
      this.list = this.querySelector("[role=listbox]") || this.appendChild(document.createElement("div"));
      this.list.id = "found";
      this.list.hidden = true;
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", this.field.labels[0] ? this.field.labels[0].textContent.trim() : "");
      const said = { role: "combobox", "aria-autocomplete": "list", "aria-controls": "found", "aria-expanded": "false" };
      for (const [name, value] of Object.entries(said)) this.field.setAttribute(name, value);
      if (this.listening) return;
      this.listening = true;
      this.field.addEventListener("input", () => this.later());
      this.field.addEventListener("keydown", (event) => this.key(event));
      this.addEventListener("focusout", (event) => { if (!this.contains(event.relatedTarget)) this.put(""); });
    }

    disconnectedCallback() {
      clearTimeout(this.timer);
      if (this.asking) this.asking.abort();
    }

    later() {
      clearTimeout(this.timer);
      if (this.asking) this.asking.abort();
      const typed = this.field.value.trim();
      if (!typed) return this.put("");
      this.timer = setTimeout(() => this.ask(typed), PAUSE_MS);
    }

    async ask(typed) {
      const mine = (this.asking = new AbortController());
      const url = new URL(this.getAttribute("src"), location.href);
      url.searchParams.set("q", typed);
      try {
        const headers = { Accept: "text/html" };
        if (window.shopify && window.shopify.idToken) headers.Authorization = `Bearer ${await window.shopify.idToken()}`;
        const answer = await fetch(url, { headers, signal: mine.signal });
        const body = await answer.text();
        if (answer.ok && !answer.redirected && !mine.signal.aborted) this.put(body);
      } catch (trouble) {
        if (!mine.signal.aborted) this.put("");  // the form's button still finds them
      }
    }

    put(html) {
      this.list.innerHTML = html;
      this.at = -1;
      const says = this.list.querySelector(".says");
      if (says) {
        says.remove();
        document.getElementById("says").textContent = says.textContent;
        if (!this.options.length) this.list.append(says);
      }
      this.list.hidden = !html;
      this.field.setAttribute("aria-expanded", String(this.options.length > 0));
      this.field.removeAttribute("aria-activedescendant");
    }

    get options() { return [...this.list.querySelectorAll("[role=option]")]; }

    move(step) {
      const all = this.options;
      if (!all.length) return;
      this.at = (this.at + step + all.length + (this.at < 0 && step < 0 ? 1 : 0)) % all.length;
      all.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.at)));
      this.field.setAttribute("aria-activedescendant", all[this.at].id);
      all[this.at].scrollIntoView({ block: "nearest" });
    }

    key(event) {
      if (event.isComposing) return;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        if (this.list.hidden) return;
        event.preventDefault();
        this.move(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Enter" && this.at >= 0 && this.options[this.at]) {
        event.preventDefault();
        this.options[this.at].click();
      } else if (event.key === "Escape") {
        event.preventDefault();
        if (this.list.hidden) this.field.value = "";
        clearTimeout(this.timer);
        if (this.asking) this.asking.abort();
        this.put("");
      }
    }
  }
  customElements.define("customer-search", CustomerSearch);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const field = document.querySelector("customer-search input");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
})();
