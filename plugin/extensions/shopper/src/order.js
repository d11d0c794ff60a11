// Beside an order in customer accounts: what it earned, and the way to the points page.

import "@shopify/ui-extensions/preact";
import {h, render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {ask, orderNumber, settled, t} from "./ask.js";
import {Invitation, Trouble} from "./pieces.js";

export default () => render(h(Order), document.body);

function Order() {
  const order = orderNumber(shopify.order.value && shopify.order.value.id);
  const [{said, trouble}, set] = useState({});
  useEffect(() => {
    if (order) settled(() => ask(`/orders/${order}`), set);
  }, [order]);
  if (trouble) return h(Trouble, {message: trouble});
  if (!said) return null;
  return h(
    "s-section",
    {heading: t("order.heading")},
    said.points !== null && h("s-text", null, t("order.earned", {points: shopify.i18n.formatNumber(said.points)})),
    // The ledger's own words, as the merchant reads them: why there are none.
    said.points === 0 && said.sentence && h("s-text", null, said.sentence),
    said.referral && said.referral.ask_after_order && h(Invitation, said),
    h("s-link", {href: "extension:perennial-points/"}, t("order.see_all")),
  );
}
