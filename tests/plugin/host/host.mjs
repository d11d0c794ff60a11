// A host for UI extensions, as small as can be: it draws components into a tree, runs their effects, and presses
// buttons. It stands where the platform's checkout would, knows nothing of the app, and is used by tests only.

let cells = [], place = 0, effects = [], root = null, tree = null;

export const h = (type, props, ...children) => ({type, props: {...props, children: children.flat(Infinity)}});

export function useState(first) {
  const at = place++;
  if (!(at in cells)) cells[at] = first;
  return [cells[at], (next) => { cells[at] = next; draw(); }];
}

export function useEffect(run, inputs) {
  const at = place++, before = cells[at];
  cells[at] = inputs;
  if (!before || inputs.some((input, i) => input !== before[i])) effects.push(run);
}

function drawn(node) {
  if (node === null || node === undefined || node === false || node === true) return null;
  if (typeof node !== "object") return String(node);
  if (typeof node.type === "function") return drawn(node.type(node.props));
  const {children = [], ...props} = node.props;
  return {type: node.type, props, children: children.map(drawn).filter((child) => child !== null)};
}

function draw() {
  place = 0;
  tree = drawn(root);
  for (const run of effects.splice(0)) run();
}

export function render(node) {
  [cells, effects, root] = [[], [], node];
  draw();
}

export const texts = (node = tree) =>
  node === null ? [] : typeof node === "string" ? [node] : [node.props.heading, ...node.children.flatMap(texts)].filter(Boolean);

export function find(type, node = tree) {
  if (node === null || typeof node === "string") return [];
  return [...(node.type === type ? [node] : []), ...node.children.flatMap((child) => find(type, child))];
}
