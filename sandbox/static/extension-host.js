// Where the platform runs UI extensions, as small as can be: it draws their components as plain elements of the page,
// runs their effects, and gives them what there is around an order. It knows nothing of the app.

const facts = JSON.parse(document.getElementById("extension-facts").textContent);
const place = document.getElementById("extension");
let cells = [], at = 0, effects = [], root = null;

export const h = (type, props, ...children) => ({type, props: {...props, children: children.flat(Infinity)}});

export function useState(first) {
  const mine = at++;
  if (!(mine in cells)) cells[mine] = first;
  return [cells[mine], (next) => { cells[mine] = next; draw(); }];
}

export function useEffect(run, inputs) {
  const mine = at++, before = cells[mine];
  cells[mine] = inputs;
  if (!before || inputs.some((input, i) => input !== before[i])) effects.push(run);
}

const PLAIN = {"s-section": "section", "s-page": "section", "s-heading": "h3", "s-text": "p", "s-stack": "div", "s-banner": "div", "s-button": "button", "s-link": "a"};

function element({type, props}) {
  if (typeof type === "function") return drawn(type(props));
  if (!PLAIN[type]) return null;
  const made = document.createElement(PLAIN[type]);
  if (props.heading) made.append(Object.assign(document.createElement("h2"), {textContent: props.heading}));
  if (type === "s-banner") made.setAttribute("role", "status");
  if (type === "s-button") Object.assign(made, {type: "button", className: "plain", onclick: props.onClick || null});
  if (type === "s-link") made.href = props.href.startsWith("extension:") ? facts.account : props.href;
  made.append(...props.children.map(drawn).filter((child) => child !== null));
  return made;
}

function drawn(node) {
  if (node === null || node === undefined || node === false || node === true) return null;
  return typeof node === "object" ? element(node) : document.createTextNode(String(node));
}

function draw() {
  at = 0;
  const shown = drawn(root);
  place.replaceChildren(...(shown ? [shown] : []));
  for (const run of effects.splice(0)) run();
}

export function render(node) {
  [cells, effects, root] = [[], [], node];
  draw();
}

async function applyDiscountCodeChange({code}) {
  const {url} = await fetch(facts.cart, {method: "POST", body: new URLSearchParams({code})});
  if (!url) return {type: "error"};
  location.reload();
  return {type: "success"};
}

window.shopify = {
  sessionToken: {get: async () => facts.token},
  order: {value: facts.order},
  orderConfirmation: {value: facts.order && {order: facts.order}},
  lines: {value: facts.lines},
  discountCodes: {value: facts.codes.map((code) => ({code}))},
  applyDiscountCodeChange,
  i18n: {
    formatNumber: (value) => new Intl.NumberFormat(facts.locale).format(value),
    formatDate: (date) => new Intl.DateTimeFormat(facts.locale).format(date),
    translate: (key, values = {}) => {
      const text = key.split(".").reduce((node, part) => node && node[part], facts.words);
      if (typeof text !== "string") throw new Error(`no translation of ${key}`);
      return text.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
    },
  },
};
