// Runs one extension: node play.mjs <module> <what there is, as JSON>. Prints what it shows and what it asked.

import {readFileSync} from "node:fs";
import {register} from "node:module";

register("./hooks.mjs", import.meta.url);
const {find, texts} = await import("./host.mjs");
const [module, given] = [process.argv[2], JSON.parse(process.argv[3])];
const words = JSON.parse(readFileSync(new URL("../locales/en.default.json", module), "utf-8"));
const [asked, late] = [[], []];

globalThis.document = {body: {}};
globalThis.setTimeout = (run) => queueMicrotask(run);
globalThis.fetch = async (address, {method, headers, body}) => {
  const path = new URL(address).pathname;
  asked.push({method, path, token: headers.Authorization, body: body && JSON.parse(body)});
  // A list has one answer for each time; what is late comes when everything else is done.
  const found = given.answers[`${method} ${path}`], answer = Array.isArray(found) ? found.shift() : found;
  if (answer.late) await new Promise((go) => late.push(go));
  const {status, said} = answer;
  return {ok: status < 300, json: async () => said};
};
globalThis.shopify = {
  sessionToken: {get: async () => "the-token"},
  order: {value: given.order},
  orderConfirmation: {value: given.confirmation},
  lines: {value: given.lines || []},
  discountCodes: {value: given.used || []},
  applyDiscountCodeChange: async (change) => { asked.push({change}); return {type: given.applied || "success"}; },
  i18n: {
    formatNumber: (value) => String(value),
    formatDate: (date) => date.toISOString().slice(0, 10),
    translate: (key, values = {}) => {
      const text = key.split(".").reduce((node, part) => node && node[part], words);
      if (typeof text !== "string") throw new Error(`no translation of ${key}`);
      return text.replace(/\{\{(\w+)\}\}/g, (_, name) => {
        if (values[name] === undefined) throw new Error(`${key} lacks ${name}`);
        return values[name];
      });
    },
  },
};

const rest = async () => { for (let i = 0; i < 100; i++) await Promise.resolve(); };
(await import(module)).default();
await rest();
if (given.then) shopify.lines.value = given.then;
for (const [type, number] of given.press || []) {
  find(type)[number].props.onClick();
  await rest();
}
late.forEach((go) => go());
await rest();
console.log(JSON.stringify({texts: texts(), links: find("s-link").map((link) => link.props.href),
  copied: find("s-clipboard-item").map((item) => item.props.text), asked}));
