// Which invitation a checkout came by. The code of the last invitation that this browser followed is kept for a month
// and told once, with the checkout's token, when a checkout is finished. Nothing of the shopper is read or sent. And
// that a page was opened is told, to be counted (count.js).
// The server believes none of it for its own sake: see plugin/storefront/pixel.py.

import {opened} from "./count.js";

const KEY = "perennial_ref";
const LIFE = 30 * 24 * 3600 * 1000;
const CODE = /^[0-9A-Za-z_-]{3,40}$/;

export function codeIn(search) {
  const named = new URLSearchParams(search || "");
  const code = named.get("ref") || named.get("referral") || "";
  return CODE.test(code) ? code : null;
}

export function follow({analytics, browser, settings}) {
  analytics.subscribe("page_viewed", async (event) => {
    const code = codeIn(event.context.document.location.search);
    if (code) await browser.localStorage.setItem(KEY, `${Date.now()} ${code}`);
    await opened(settings, event.context.document);
  });

  analytics.subscribe("checkout_completed", async (event) => {
    const [at, code] = ((await browser.localStorage.getItem(KEY)) || "").split(" ");
    const checkout = event.data.checkout;
    if (!CODE.test(code || "") || !(Date.now() - Number(at) < LIFE) || !checkout.token) return;
    const order = String((checkout.order && checkout.order.id) || "").split("/").pop();
    await fetch(settings.address, {
      method: "POST",
      keepalive: true,
      // Plain text, so that the browser need not ask first.
      headers: {"Content-Type": "text/plain"},
      body: JSON.stringify({account: settings.account, code, checkout_token: checkout.token, order}),
    });
    await browser.localStorage.removeItem(KEY);
  });
}
