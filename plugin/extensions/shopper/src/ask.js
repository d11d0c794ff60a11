// Asking the app, with the platform's token for this shopper. A refusal is an error whose message the shopper may read.

// Filled in for each deployment, as application_url in shopify.app.toml is.
export const ADDRESS = "https://perennial.example/extension";

// Refusals that we say in the shopper's language; of the others the server's own words are shown.
export const KNOWN = ["signed-out", "not-installed", "not-logged-in", "not-enough-points", "reward-unknown", "form-too-old",
  "bought-meanwhile"];

export const t = (key, values) => shopify.i18n.translate(key, values);

export async function ask(path, body) {
  let answer, said;
  try {
    const headers = {Authorization: `Bearer ${await shopify.sessionToken.get()}`, "Content-Type": "application/json"};
    answer = await fetch(`${ADDRESS}${path}`, {method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body)});
    said = await answer.json();
  } catch {
    throw new Error(t("unreachable"));
  }
  if (answer.ok) return said;
  const {code, message} = said.error;
  throw new Error(KNOWN.includes(code) ? t(`refused.${code}`) : message);
}

// What comes back of `load`, once it is there: {said}, {trouble} or {} meanwhile.
export async function settled(load, set) {
  try {
    set({said: await load()});
  } catch (error) {
    set({trouble: error.message});
  }
}

export const orderNumber = (gid) => String(gid || "").split("/").pop();
