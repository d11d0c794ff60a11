/* Moves between pages without loading what they have in common, and inside the admin's frame without losing who is asking.
 *
 * A frame has no cookies; the platform gives an ID token that lives a minute. A plain link would arrive without one and take the long way
 * round by the bounce page. So a click or a form inside the app is fetched, there with a fresh token, and the page's own parts are put in
 * place of these. Whatever goes wrong, the browser navigates as if this script were not here. */
(() => {
  "use strict";
  const PARTS = ["header", "main"];
  let asking = null;

  const framed = document.querySelector("meta[name=shopify-api-key]") !== null;
  const token = async () => (window.shopify && window.shopify.idToken ? window.shopify.idToken() : null);
  const isOurs = (url) => url.origin === location.origin && !url.pathname.startsWith("/static/");
  const says = () => document.getElementById("says");
  const say = (words) => { says().textContent = words; };

  const complain = (words) => {
    say(words);
    if (window.shopify && window.shopify.toast) return void window.shopify.toast.show(words, { isError: true });
    const shown = document.getElementById("trouble") || document.createElement("div");
    Object.assign(shown, { id: "trouble", className: "notice warn trouble", textContent: words });
    document.querySelector("main").append(shown);
  };

  /* The address without what signed it: a token must not lie in the history, nor in what is copied from it. */
  const bare = (href) => {
    const url = new URL(href, location.href);
    for (const name of ["id_token", "hmac", "session", "timestamp", "locale"]) url.searchParams.delete(name);
    return url;
  };

  const ask = async (url, init) => {
    if (!framed) return fetch(url, { ...init, headers: { Accept: "text/html" } });
    const bearer = await token();
    if (!bearer) throw new Error("nobody gives us a token");
    return fetch(url, { ...init, headers: { Accept: "text/html", Authorization: `Bearer ${bearer}` } });
  };

  /* A token can run out on the way: then once more, with a new one. */
  const fetchPage = async (url, init) => {
    const answer = await ask(url, init);
    return answer.status === 401 ? ask(url, init) : answer;
  };

  const put = (page) => {
    if (!page.querySelector("main")) throw new Error("that is no page of ours");
    for (const part of PARTS) {
      const next = page.querySelector(part);
      const here = document.querySelector(part);
      if (next && here) here.replaceWith(document.adoptNode(next));
    }
    settle(document);
    document.title = page.title;
    for (const name of ["lang", "dir"]) document.documentElement[name] = page.documentElement[name];
  };

  /* What stands in a room of its own, with styles of its own, is put there by the browser only when it loads a whole page itself. */
  const settle = (within) => {
    for (const room of within.querySelectorAll("template[shadowrootmode]")) {
      room.parentNode.attachShadow({ mode: "open" }).append(document.adoptNode(room.content));
      room.remove();
    }
  };

  /* A new page begins at its top, or at the place that its address names; focus goes to its heading, and its
   * title is spoken, or what came of the click. */
  const arrive = (scroll, hash) => {
    const target = hash && document.getElementById(decodeURIComponent(hash.slice(1)));
    const heading = document.querySelector("main h1") || document.querySelector("main");
    heading.focus({ preventScroll: true });
    if (target) target.scrollIntoView();
    else window.scrollTo(0, scroll || 0);
    const notice = document.querySelector("main .notice[role=status]");
    say(notice ? notice.textContent : document.title);
  };

  /* What only some rewards need: the platform asks the merchant, in its own window and its own words. */
  const permissions = async () => {
    const scopes = window.shopify && window.shopify.scopes;
    if (!scopes) return;
    for (const notice of document.querySelectorAll("[data-scopes]")) {
      const wanted = notice.dataset.scopes.split(" ");
      const { granted } = await scopes.query();
      const allowed = wanted.every((name) => granted.includes(name));
      notice.querySelector("[data-allowed]").hidden = !allowed;
      notice.querySelector("[data-allow]").hidden = allowed;
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-allow]");
    if (!button) return;
    await window.shopify.scopes.request(button.closest("[data-scopes]").dataset.scopes.split(" "));
    permissions();
  });

  const busy = (on) => {
    document.documentElement.toggleAttribute("data-busy", on);
    for (const button of document.querySelectorAll("main button")) button.disabled = on;
  };

  /* A preview that was asked for is of what was typed then: what comes after that, on this page or another, is newer. */
  let rest = 0, previewing = null;
  const forget = () => {
    clearTimeout(rest);
    if (previewing) previewing.abort();
  };

  const go = async (href, { init = {}, history: how = "push", scroll = 0, fallback } = {}) => {
    if (asking) asking.abort();
    forget();
    const mine = (asking = new AbortController());
    busy(true);
    try {
      const url = bare(href);
      const answer = await fetchPage(url, { ...init, signal: mine.signal });
      if (!(answer.headers.get("Content-Type") || "").startsWith("text/html")) throw new Error("that is no page");
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine.signal.aborted) return;
      put(page);
      const shown = answer.redirected ? bare(answer.url) : url;
      if (how === "push") history[shown.href === location.href ? "replaceState" : "pushState"]({}, "", shown);
      arrive(scroll, shown.hash);
      permissions();
    } catch (trouble) {
      if (mine.signal.aborted) return;
      (fallback || (() => location.assign(bare(href))))();
    } finally {
      if (asking === mine) busy(false);
    }
  };

  /* Where the merchant had scrolled to belongs to the page that is being left. */
  const leave = () => history.replaceState({ scroll: window.scrollY }, "");

  const save = async (link) => {
    try {
      const answer = await fetchPage(bare(link.href), {});
      if (!answer.ok) throw new Error("the file is not there");
      const copy = document.createElement("a");
      copy.href = URL.createObjectURL(await answer.blob());
      copy.download = link.download || "download";
      copy.click();
      URL.revokeObjectURL(copy.href);
      say(says().dataset.saved);
    } catch (trouble) {
      location.assign(bare(link.href));
    }
  };

  /* A part that is still filling is asked for again every few seconds, without moving anything else on the page. Where that fails, the
   * next turn asks again: what is shown stays true for its time, which the page tells. */
  const refill = async () => {
    const part = document.querySelector("[data-refill]");
    if (part && !document.hidden) {
      const answer = await fetchPage(bare(location.href), {}).catch(() => null);
      const page = answer && answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
      const next = page && page.getElementById(part.id);
      if (next && part.isConnected) part.replaceWith(document.adoptNode(next));
    }
    setTimeout(refill, 1000 * (part ? part.dataset.refill : 3));
  };
  setTimeout(refill, 3000);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href);
    const inPage = url.hash && url.pathname === location.pathname && url.search === location.search;
    if (!isOurs(url) || link.target || inPage || link.getAttribute("href").startsWith("#")) return;
    event.preventDefault();
    if (link.hasAttribute("download")) return void save(link);
    leave();
    go(url);
  });

  /* The list of referrals by keys: j and k walk, a and d say what follows and ask for the reason; Enter in it decides so, Escape leaves it. */
  let meant = null;
  const walk = (card, by) => {
    const cards = [...document.querySelectorAll("[data-review]")];
    const next = cards[card ? cards.indexOf(card) + by : 0];
    if (next) next.focus();
  };
  const mean = (card, button) => {
    const told = card.querySelector("p[data-follows]");
    if (!told.dataset.follows) told.dataset.follows = told.textContent;
    told.textContent = button ? button.dataset.follows : told.dataset.follows;
    meant = button;
    (button ? card.querySelector("[name=note]") : card).focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !document.querySelector("[data-review]")) return;
    const card = event.target.closest("[data-review]");
    if (event.target.matches("input, textarea, select, button, a")) {
      if (event.key === "Escape" && card && meant) mean(card, null);
      if (event.key === "Enter" && event.target.name === "note" && meant && meant.form === event.target.form) {
        event.preventDefault();
        meant.form.requestSubmit(meant);
      }
      return;
    }
    const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const button = card && card.querySelector(`[data-key="${event.key === "a" || event.key === "d" ? event.key : ""}"]`);
    if (by || button) event.preventDefault();
    if (by) walk(card, by);
    if (button) mean(card, button);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    // What the pressed button says of where and how stands above the form's own word, as everywhere in HTML.
    const url = new URL(button && button.hasAttribute("formaction") ? button.formAction : form.action);
    const method = button && button.hasAttribute("formmethod") ? button.formMethod : form.method;
    if (event.defaultPrevented || form.target || !isOurs(url)) return;
    event.preventDefault();
    const typed = new FormData(form, button);
    leave();
    if (method === "post") {
      const body = form.enctype === "multipart/form-data" ? typed : new URLSearchParams(typed);
      // A POST without a token would be refused, so it cannot fall back to the browser's own: it says so instead.
      const fallback = () => complain(says().dataset.failed);
      return void go(url, { init: { method: "POST", body }, fallback });
    }
    for (const [name, value] of typed) value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
    go(url);
  });

  /* A form with a preview shows what is typed as soon as the hand rests; its button does the same without this. */
  const preview = async (form) => {
    const typed = new URLSearchParams(new FormData(form));
    typed.set("do", "preview");
    const { signal } = (previewing = new AbortController());
    const answer = await fetchPage(bare(form.action), { method: "POST", body: typed, signal }).catch(() => null);
    const page = answer && answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    const here = document.getElementById(form.dataset.preview);
    const next = page && page.getElementById(form.dataset.preview);
    if (!here || !next || signal.aborted) return;
    here.replaceWith(document.adoptNode(next));
    settle(document);
  };
  document.addEventListener("input", (event) => {
    const form = event.target.closest && event.target.closest("form[data-preview]");
    if (!form) return;
    forget();
    rest = setTimeout(() => preview(form), 300);
  });

  window.addEventListener("popstate", (event) => {
    if (location.hash && !event.state) return;
    go(location.href, { history: "keep", scroll: (event.state && event.state.scroll) || 0, fallback: () => location.reload() });
  });

  permissions();

  /* The address that the frame was opened with holds a token; what is shown from here on need not. */
  history.replaceState(history.state, "", bare(location.href));
})();
