// In checkout: the codes that the shopper has bought with points, each a button away from being used.

import "@shopify/ui-extensions/preact";
import {h, render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {ask, settled, t} from "./ask.js";

export default () => render(h(Checkout), document.body);

function Checkout() {
  const [{said}, set] = useState({});
  const [news, tell] = useState(null);
  useEffect(() => { settled(() => ask("/codes"), set); }, []);
  const used = new Set((shopify.discountCodes.value || []).map((each) => each.code));
  const codes = said ? said.codes.filter((each) => !used.has(each.code)) : [];
  // Without a code there is nothing to do here; nothing may stand in the way of paying.
  if (codes.length === 0 && !news) return null;

  async function use(code) {
    const result = await shopify.applyDiscountCodeChange({type: "addDiscountCode", code: code.code});
    tell(t(result.type === "success" ? "checkout.used" : "checkout.refused", {title: code.title}));
  }

  const rows = codes.map((code) => h(
    "s-button",
    {key: code.code, variant: "secondary", onClick: () => use(code)},
    t("checkout.use", {title: code.title}),
  ));
  return h("s-section", {heading: t("checkout.heading")}, news && h("s-text", null, news), h("s-stack", {gap: "small-200"}, rows));
}
