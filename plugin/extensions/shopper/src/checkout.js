// In checkout: what the order will earn, and the codes that the shopper has bought with points, each a button away from
// being used.

import "@shopify/ui-extensions/preact";
import {h, render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {ask, orderNumber, settled, t} from "./ask.js";

export default () => render(h(Checkout), document.body);

// Prices come as decimal text, and the program counts in whole minor units.
function minor({amount, currencyCode}) {
  const {maximumFractionDigits} = new Intl.NumberFormat("en", {style: "currency", currency: currencyCode}).resolvedOptions();
  return Math.round(Number(amount) * 10 ** maximumFractionDigits);
}

// The goods of this checkout as the app takes them; none where they are paid in another currency than points are for.
function goods(lines, currency) {
  if (lines.some((line) => line.cost.totalAmount.currencyCode !== currency)) return [];
  return lines.map(({merchandise: {id, product}, quantity, cost}) => ({
    product: orderNumber(product.id), variant: orderNumber(id), quantity, amount: minor(cost.totalAmount), vendor: product.vendor || "",
  }));
}

function Checkout() {
  const [{said}, set] = useState({});
  const [{said: earns}, earn] = useState({});
  const [news, tell] = useState(null);
  useEffect(() => { settled(() => ask("/codes"), set); }, []);
  const pieces = goods(shopify.lines.value || [], said && said.currency), basket = JSON.stringify(pieces);
  const [newest] = useState({});
  useEffect(() => {
    newest.basket = basket;
    // Of two questions the first may be answered last.
    if (pieces.length) settled(() => ask("/earn", {pieces}), (found) => { if (newest.basket === basket) earn(found); });
  }, [basket]);
  const used = new Set((shopify.discountCodes.value || []).map((each) => each.code));
  const codes = said ? said.codes.filter((each) => !used.has(each.code)) : [];
  const points = pieces.length && earns ? earns.points : 0;
  // Without a code and points there is nothing to say here; nothing may stand in the way of paying.
  if (codes.length === 0 && !news && !points) return null;

  async function use(code) {
    const result = await shopify.applyDiscountCodeChange({type: "addDiscountCode", code: code.code});
    tell(t(result.type === "success" ? "checkout.used" : "checkout.refused", {title: code.title}));
  }

  const rows = codes.map((code) => h(
    "s-button",
    {key: code.code, variant: "secondary", onClick: () => use(code)},
    t("checkout.use", {title: code.title}),
  ));
  return h(
    "s-section",
    {heading: t(codes.length || news ? "checkout.heading" : "order.heading")},
    points > 0 && h("s-text", null, t(earns.exact ? "checkout.earns" : "checkout.earns_about", {points: shopify.i18n.formatNumber(points)})),
    news && h("s-text", null, news),
    h("s-stack", {gap: "small-200"}, rows),
  );
}
