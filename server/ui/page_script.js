(trackway) => {
  "use strict";
  // See page_script.py, which calls this function with its data.
  try {
    for (const [key, value] of Object.entries(trackway.storage)) {
      localStorage.setItem(key, JSON.stringify(value));
    }
  } catch {
    // The browser permits no storage; the UI then uses its defaults.
  }

  if (trackway.start && ["", "#", "#/"].includes(location.hash)) history.replaceState(null, "", `#${trackway.start}`);

  const bar = document.createElement("div");
  const message = document.createElement("span");
  const close = document.createElement("button");
  bar.id = "trackway-notice";
  bar.hidden = true;
  bar.setAttribute("role", "status");
  close.type = "button";
  close.textContent = "Hide";
  const style = document.createElement("style");
  style.textContent = `
    #trackway-notice:not([hidden]) { display: flex; gap: 16px; align-items: center; position: fixed; bottom: 16px;
      left: 50%; transform: translateX(-50%); max-width: min(720px, 90vw); padding: 8px 16px; border-radius: 8px;
      background: #1f272d; color: #fff; font: 13px/1.5 system-ui, sans-serif; z-index: 1100;
      box-shadow: 0 2px 8px #0005 }
    #trackway-notice button { flex: none; border: 1px solid #fff8; border-radius: 4px; padding: 2px 8px;
      background: none; color: inherit; font: inherit; cursor: pointer }
    #trackway-link { position: fixed; left: 12px; bottom: 144px; padding: 2px 10px; border-radius: 12px; z-index: 1100;
      border: 1px solid #8886; background: #fff; color: #0e538b; font: 12px/1.5 system-ui, sans-serif;
      text-decoration: none }
    #trackway-link:hover { border-color: #0e538b }`;
  bar.append(message, close);
  const link = document.createElement("a");
  link.id = "trackway-link";
  addEventListener("DOMContentLoaded", () => {
    document.body.append(style, bar);
    if (trackway.links.length) document.body.append(link);
  });

  // What the user has hidden; it stays so until the page is loaded again.
  const hidden = new Set();
  let ofPage = "";
  let ofFile = "";
  const show = () => {
    const text = [ofFile, ofPage].find((sentence) => sentence && !hidden.has(sentence)) ?? "";
    message.textContent = text;
    bar.hidden = !text;
  };
  close.addEventListener("click", () => {
    hidden.add(message.textContent);
    show();
  });

  // The UI changes its page with these methods of the history, which fire no event.
  const update = () => {
    const page = location.hash.slice(1).split("?")[0];
    ofPage = trackway.notices.find((notice) => new RegExp(notice.pages).test(page))?.text ?? "";
    show();
    link.hidden = true;
    for (const { pages, text, path } of trackway.links) {
      const match = new RegExp(pages).exec(page);
      if (!match) continue;
      link.hidden = false;
      link.textContent = text;
      link.href = path.replace(/\$(\d)/g, (_, group) => match[group] ?? "");
      break;
    }
  };
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function (...values) {
      original.apply(this, values);
      update();
    };
  }
  addEventListener("popstate", update);
  addEventListener("hashchange", update);
  update();

  // A session that has ended: the log-in page comes, and after it the same page again.
  if (trackway.hasLogIn) {
    const original = window.fetch;
    window.fetch = async (...values) => {
      const response = await original.apply(window, values);
      if (response.status === 401 && new URL(response.url).origin === location.origin) location.reload();
      return response;
    };
  }

  // HTML files of artifacts are shown in frames, which inherit the page's content policy. A frame cannot tell
  // the page what was blocked, so the page reads the file and looks for it.
  const isAllowed = (url) =>
    url.origin === location.origin ||
    trackway.allowedSources.some((source) => {
      if (source === "*" || source === url.protocol) return true;
      const [, scheme, host] = /^(?:(.*):\/\/)?([^/]*)/.exec(source);
      if (scheme && scheme + ":" !== url.protocol) return false;
      return host.startsWith("*.") ? url.hostname.endsWith(host.slice(1)) : host === url.host || host === url.hostname;
    });
  const blockedOrigins = (parsed) => {
    const parts = parsed.querySelectorAll("script[src], link[rel~=stylesheet][href], img[src], iframe[src]");
    const origins = new Set();
    for (const part of parts) {
      try {
        const url = new URL(part.getAttribute("src") ?? part.getAttribute("href"));
        if (/^https?:$/.test(url.protocol) && !isAllowed(url)) origins.add(url.origin);
      } catch {
        // Not an absolute URL.
      }
    }
    return [...origins];
  };
  const plotlyHost = "https://cdn.plot.ly";
  // Plotly's library on this server: the version that the URL names, else the newest of the same major version.
  const ownLibrary = (url) => {
    const [, name, major] = /^https:\/\/cdn\.plot\.ly\/((plotly-\d+\.)[\d.]+)(?:\.min)?\.js$/.exec(url) ?? [];
    const libraries = trackway.libraries;
    return libraries.find((own) => own === `${name}.min.js`) ?? libraries.find((own) => major && own.startsWith(major));
  };
  const useOwnLibraries = (parsed) => {
    let isChanged = false;
    for (const script of parsed.querySelectorAll("script[src]")) {
      const own = ownLibrary(script.getAttribute("src"));
      if (!own) continue;
      script.src = new URL(trackway.librariesPath + own, document.baseURI).href;
      // The frame has no origin, and the hash is that of the version that the file names.
      script.removeAttribute("crossorigin");
      script.removeAttribute("integrity");
      isChanged = true;
    }
    return isChanged;
  };
  let examined = "";
  const examine = async (frame) => {
    // A frame whose address changes while it loads may stay empty in Chromium.
    const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
    const html = await (await fetch(frame.src)).text();
    await loaded;
    if (!frame.isConnected || frame.src !== examined) return;
    const parsed = new DOMParser().parseFromString(html, "text/html");
    if (useOwnLibraries(parsed)) {
      const content = `<!doctype html>${parsed.documentElement.outerHTML}`;
      examined = URL.createObjectURL(new Blob([content], { type: "text/html" }));
      frame.src = examined;
    }
    const origins = blockedOrigins(parsed);
    if (!origins.length) return;
    const option = [...trackway.allowedSources, ...origins].join(",");
    ofFile =
      `This file loads from ${origins.join(" and ")}, which this server does not allow, so parts of it are missing. ` +
      `Whoever runs the server can allow it: trackway serve --ui-allowed-sources ${option}` +
      (origins.includes(plotlyHost) ? ` (or let this server have Plotly's library: ${trackway.fetchPlotly})` : "");
    show();
  };
  const look = () => {
    const frame = document.querySelector("iframe[src^='blob:']");
    const src = frame?.src ?? "";
    if (src === examined) return;
    examined = src;
    ofFile = "";
    show();
    if (frame) examine(frame).catch(() => {});
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributeFilter: ["src"] });
}
