// That a page was opened: its kind, the host that led to it, the campaign's marks. Nothing of the visitor, nothing kept.
// The pixel runs only with the visitor's consent; the server leaves out whoever asks not to be counted.

const KINDS = [["/products/", "product"], ["/collections", "collection"], ["/cart", "cart"], ["/checkouts", "checkout"]];

export function kindOf(path) {
  // Shops in several languages have these behind a folder for the language.
  const bare = (path || "/").replace(/^\/[a-z]{2}(-[a-z]{2})?(?=\/|$)/i, "") || "/";
  if (bare === "/") return "home";
  const known = KINDS.find(([start]) => bare.startsWith(start) || bare.includes("/products/") && start === "/products/");
  return known ? known[1] : "other";
}

export function marksIn(search) {
  const marks = [];
  for (const [name, value] of new URLSearchParams(search || "")) {
    if (/^utm_(source|medium)$/.test(name)) marks.push(`${name}=${encodeURIComponent(value.slice(0, 60))}`);
    else if (/^(ref|\w*clid|[gw]braid)$/.test(name)) marks.push(`${name}=1`);
  }
  return marks.join("&");
}

export function opened(settings, shown) {
  const at = shown.location;
  let site = "";
  try {
    site = shown.referrer ? new URL(shown.referrer).host : "";
  } catch {
    site = "";
  }
  return fetch(settings.address.replace(/pixel$/, "visits"), {
    method: "POST",
    keepalive: true,
    headers: {"Content-Type": "text/plain"},
    body: JSON.stringify({
      account: settings.account, page: kindOf(at.pathname), site, inside: site !== "" && site === at.host,
      marks: marksIn(at.search),
    }),
  });
}
