// On the page that says thanks: what the order earned, and the invitation. The order is often not with us yet when the
// page is, so we ask a few times and then say that the points will come.

import "@shopify/ui-extensions/preact";
import {h, render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {ask, orderNumber, settled, t} from "./ask.js";
import {Invitation} from "./pieces.js";

export default () => render(h(Thanks), document.body);

const WAITS = [0, 2000, 5000];

async function earned(order) {
  let said = null;
  for (const wait of WAITS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    said = await ask(`/orders/${order}`);
    if (said.points !== null || said.referral === null) break;
  }
  return said;
}

function Thanks() {
  const confirmation = shopify.orderConfirmation.value;
  const order = orderNumber(confirmation && confirmation.order && confirmation.order.id);
  const [{said}, set] = useState({});
  useEffect(() => {
    if (order) settled(() => earned(order), set);
  }, [order]);
  // Somebody who is not logged in, or trouble of ours: this page is about their order, so we keep still.
  if (!said || !said.referral) return null;
  return h(
    "s-section",
    {heading: t("order.heading")},
    h("s-text", null, said.points === null ? t("order.soon") : t("order.earned", {points: shopify.i18n.formatNumber(said.points)})),
    // The merchant may not want shoppers to be asked here.
    said.referral.ask_after_order && h(Invitation, said),
  );
}
