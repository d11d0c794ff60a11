// The points page in customer accounts: balance, rewards, codes, invitation, and what brought the points.

import "@shopify/ui-extensions/preact";
import {h, render} from "preact";
import {useEffect, useState} from "preact/hooks";
import {ask, settled, t} from "./ask.js";
import {Invitation, Trouble} from "./pieces.js";

export default () => render(h(Page), document.body);

const number = (value) => shopify.i18n.formatNumber(value);
const day = (at) => shopify.i18n.formatDate(new Date(at));

function Page() {
  const [{said, trouble}, set] = useState({});
  const [news, tell] = useState(null);
  const load = () => settled(() => ask("/account"), set);
  useEffect(() => { load(); }, []);

  async function redeem(reward) {
    tell(null);
    try {
      await ask("/redeem", {reward: reward.key, request_key: reward.request_key});
      tell(t("bought", {title: reward.title}));
    } catch (error) {
      tell(error.message);
    }
    await load();
  }

  return h(
    "s-page",
    {heading: t("page.heading")},
    trouble && h(Trouble, {message: trouble}),
    news && h("s-banner", {tone: "info"}, h("s-text", null, news)),
    !said && !trouble && h("s-spinner", {accessibilityLabel: t("loading")}),
    said && h(Balance, said),
    said && h(Rewards, {rewards: said.rewards, redeem}),
    said && said.codes.length > 0 && h(Codes, said),
    said && said.referral.link && h("s-section", {heading: t("invitation.heading")}, h(Invitation, said)),
    said && said.history.length > 0 && h(History, said),
  );
}

function Balance({balance, next_reward: next}) {
  return h(
    "s-section",
    {heading: t("balance.heading")},
    h("s-heading", null, number(balance.spendable)),
    balance.pending > 0 && h("s-text", {color: "subdued"}, t("balance.pending", {points: number(balance.pending)})),
    next && h("s-text", null, t("balance.next", {points: number(next.missing), title: next.title})),
  );
}

function Rewards({rewards, redeem}) {
  const rows = rewards.map((reward) => h(
    "s-stack",
    {key: reward.key, direction: "inline", gap: "base", alignItems: "center"},
    h("s-text", {type: "strong"}, reward.title),
    h("s-text", null, t("rewards.price", {points: number(reward.points)})),
    reward.request_key
      ? h("s-button", {variant: "secondary", onClick: () => redeem(reward)}, t("rewards.redeem", {title: reward.title}))
      : h("s-text", {color: "subdued"}, reward.closed || t("rewards.missing", {points: number(reward.missing)})),
  ));
  return h("s-section", {heading: t("rewards.heading")}, h("s-stack", {gap: "base"}, rows));
}

function Codes({codes}) {
  const rows = codes.map((code, place) => h(
    "s-stack",
    {key: place, direction: "inline", gap: "base", alignItems: "center"},
    h("s-text", {type: "strong"}, code.code || code.title),
    h("s-text", {color: "subdued"}, t(`codes.${code.state}`, {title: code.title, date: day(code.ends_at)})),
    code.state === "ready" && h("s-clipboard-item", {id: `perennial-code-${place}`, text: code.code}),
    code.state === "ready" && h("s-button", {variant: "secondary", commandFor: `perennial-code-${place}`}, t("copy")),
  ));
  return h("s-section", {heading: t("codes.heading")}, h("s-stack", {gap: "base"}, rows));
}

function History({history}) {
  const rows = history.map((m, place) => h(
    "s-stack",
    {key: place, direction: "inline", gap: "base"},
    h("s-text", {color: "subdued"}, day(m.at)),
    h("s-text", null, m.sentence),
    h("s-text", {type: "strong"}, number(m.points)),
  ));
  return h("s-section", {heading: t("history.heading")}, h("s-stack", {gap: "small-200"}, rows));
}
