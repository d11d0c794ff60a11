/* Counts an opened page: no cookie, nobody recognised. With data-wait, only once the page calls perennialCount(). */
(() => {
  "use strict";
  const me = document.currentScript, at = location, nav = navigator;
  const count = () => {
    if (nav.doNotTrack === "1" || nav.globalPrivacyControl || nav.webdriver) return;
    const from = document.referrer, site = from && new URL(from).host, marks = [];
    for (const [name, value] of new URLSearchParams(at.search)) {
      if (/^utm_(source|medium)$/.test(name)) marks.push(name + "=" + encodeURIComponent(value.slice(0, 60)));
      else if (/^(ref|\w*clid|[gw]braid)$/.test(name)) marks.push(name + "=1");
    }
    nav.sendBeacon(me.src.split("/static/")[0] + "/visits", JSON.stringify({
      account: me.dataset.shop, page: me.dataset.page || (at.pathname === "/" ? "home" : "other"), site,
      inside: site === at.host, marks: marks.join("&") }));
  };
  if ("wait" in me.dataset) window.perennialCount = count;
  else count();
})();
