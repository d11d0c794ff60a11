// Where the platform's packages are, as far as these tests need them: names are led to the stand-in beside this file.

const STAND_IN = new URL("./host.mjs", import.meta.url).href;
const NAMES = new Set(["preact", "preact/hooks", "@shopify/ui-extensions/preact"]);

export async function resolve(name, context, next) {
  return NAMES.has(name) ? {url: STAND_IN, format: "module", shortCircuit: true} : next(name, context);
}
