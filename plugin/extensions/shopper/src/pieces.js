// What several places show: the invitation, and trouble.

import {h} from "preact";
import {t} from "./ask.js";

export function Trouble({message}) {
  return h("s-banner", {tone: "warning"}, h("s-text", null, message));
}

export function Invitation({referral}) {
  if (!referral || !referral.link) return null;
  return h(
    "s-stack",
    {gap: "small-200"},
    h("s-text", null, t("invitation.lead", {offer: referral.friend_gets, points: shopify.i18n.formatNumber(referral.points)})),
    h("s-text", {type: "strong"}, referral.link),
    h("s-clipboard-item", {id: "perennial-link", text: referral.link}),
    h("s-button", {variant: "secondary", commandFor: "perennial-link"}, t("copy")),
    h("s-stack", {direction: "inline", gap: "base"}, (referral.shares || []).map((way) => h(
      "s-link",
      {key: way.channel, href: way.href, target: "_blank"},
      way.channel === "email" ? t("invitation.email") : way.title,
    ))),
  );
}
