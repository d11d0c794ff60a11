/* Stands in for the platform's App Bridge inside the sandbox's admin: the same global, the same rules for ID tokens.
 * Load it first and synchronously, with data-api-key or after <meta name="shopify-api-key">. */
(() => {
  "use strict";
  const script = document.currentScript;
  const meta = document.querySelector('meta[name="shopify-api-key"]');
  const apiKey = (script && script.dataset.apiKey) || (meta && meta.content) || "";
  if (!apiKey) throw new Error("app-bridge: no API key; give data-api-key or <meta name=\"shopify-api-key\">");

  const here = new URL(location.href);
  const waiting = new Map();
  let asked = 0;

  // Nothing secret is asked for, so the question may go to any parent; the answer is taken from the parent only.
  const ask = (type, detail) => window.parent.postMessage({ sandbox: type, apiKey, ...detail }, "*");

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || !event.data || event.data.sandbox !== "id-token") return;
    const settle = waiting.get(event.data.number);
    waiting.delete(event.data.number);
    if (settle) event.data.token ? settle.resolve(event.data.token) : settle.reject(new Error("no ID token"));
  });

  const idToken = () =>
    new Promise((resolve, reject) => {
      if (window.parent === window) return reject(new Error("app-bridge: this page is not inside the admin"));
      const number = ++asked;
      waiting.set(number, { resolve, reject });
      ask("id-token", { number });
    });

  const plainFetch = window.fetch.bind(window);
  const withToken = async (request) => {
    const headers = new Headers(request.headers);
    headers.set("Authorization", `Bearer ${await idToken()}`);
    return new Request(request, { headers });
  };

  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const own = new URL(request.url).origin === location.origin;
    if (!own || request.headers.has("Authorization") || window.parent === window) return plainFetch(request);
    const again = request.clone();
    let answer = await plainFetch(await withToken(request));
    if (answer.status === 401 && answer.headers.get("X-Shopify-Retry-Invalid-Session-Request")) {
      answer = await plainFetch(await withToken(again));
    }
    const leave = answer.headers.get("X-Shopify-API-Request-Failure-Reauthorize-Url");
    if (leave) window.open(leave, "_top");
    return answer;
  };

  // The bounce page: come back to where the page wanted to go, with a fresh token. Only to the app's own origin.
  const reload = here.searchParams.get("shopify-reload");
  if (reload) {
    const target = new URL(reload, location.origin);
    if (target.origin === location.origin) {
      idToken().then((token) => {
        target.searchParams.set("id_token", token);
        location.replace(target.href);
      });
    }
  }

  const nothing = async () => undefined;
  window.shopify = Object.freeze({
    config: Object.freeze({
      apiKey,
      host: here.searchParams.get("host") || "",
      shop: here.searchParams.get("shop") || "",
      locale: here.searchParams.get("locale") || "en",
    }),
    environment: Object.freeze({ embedded: window.parent !== window, mobile: false, pos: false }),
    idToken,
    toast: Object.freeze({
      show: (message, options) => ask("toast", { message: String(message), isError: Boolean(options && options.isError) }),
      hide: () => undefined,
    }),
    loading: (busy) => ask("loading", { busy: Boolean(busy) }),
    saveBar: Object.freeze({ show: nothing, hide: nothing, leaveConfirmation: nothing }),
    modal: Object.freeze({ show: nothing, hide: nothing }),
    webVitals: Object.freeze({ onReport: nothing }),
  });
})();
