// What a page does wrong for those who cannot see it well or have no mouse: a list of sentences.
() => {
  const found = [];
  const say = (what, node) => found.push(`${what}: ${node ? node.outerHTML.slice(0, 160) : ""}`);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const dialog = document.querySelector("dialog[open]");
  const scope = dialog ?? document.body;
  const visible = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && node.getClientRects().length > 0;

  // Names.
  const text = (node) => (node?.textContent ?? "").trim();
  const name = (node) => {
    const by = node.getAttribute("aria-labelledby");
    if (by) return by.split(" ").map((id) => text(document.getElementById(id))).join(" ").trim();
    return node.getAttribute("aria-label")?.trim() || [...(node.labels ?? [])].map(text).join(" ") || text(node) || node.title;
  };
  const interactive = "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex='-1'])";
  const names = new Map();
  for (const node of all(interactive, scope).filter(visible)) {
    const called = name(node);
    if (!called) say("has no name", node);
    if (node.tabIndex > 0) say("has a tabindex above 0", node);
    if (node.tagName === "BUTTON") {
      if (names.has(called) && called !== "Close") say(`is called "${called}" as another button is`, node);
      names.set(called, node);
    }
    const box = node.getBoundingClientRect();
    const inText = node.tagName === "A" || node.tagName === "SUMMARY" || node.type === "radio";
    if (!inText && (box.width < 24 || box.height < 24)) say(`is ${box.width} by ${box.height} pixels small`, node);
  }
  for (const node of all("[role=img], img", scope)) if (!node.getAttribute("aria-label") && !node.alt) say("is a picture without a name", node);
  for (const node of all("svg:not([role=img])")) if (node.getAttribute("aria-hidden") !== "true") say("is a drawing neither named nor hidden", node);
  for (const node of all("table", scope)) if (!node.caption) say("is a table without a caption", node);

  // The document.
  if (!document.documentElement.lang) say("no language");
  if (!document.title) say("no title");
  const ids = all("[id]").map((node) => node.id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) say(`the id ${id} is there twice`);
  for (const attribute of ["for", "aria-labelledby", "aria-describedby", "aria-controls"]) {
    for (const node of all(`[${attribute}]`)) {
      for (const id of node.getAttribute(attribute).split(" ")) if (!document.getElementById(id)) say(`${attribute} leads nowhere`, node);
    }
  }
  if (all("main").length !== 1) say("not exactly one main");
  let level = 0;
  for (const node of all("h1, h2, h3, h4", document.body).filter((node) => visible(node) && !node.closest("dialog"))) {
    const now = Number(node.tagName[1]);
    if (now > level + 1) say(`a heading of level ${now} follows one of level ${level}`, node);
    level = now;
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = all("body *").find((node) => node.getBoundingClientRect().right > innerWidth + 1 && !node.closest(".scroll, dialog"));
    say(`scrolls sideways: ${document.documentElement.scrollWidth} of ${innerWidth}`, wide);
  }

  // Contrast, of the colours as they are on the screen.
  const rgba = (colour) => {
    const figures = colour.match(/[\d.]+/g).map(Number);
    return colour.startsWith("color(srgb") ? [...figures.slice(0, 3).map((part) => part * 255), figures[3] ?? 1] : [...figures.slice(0, 3), figures[3] ?? 1];
  };
  const over = (top, below) => below.map((part, i) => (i < 3 ? top[i] * top[3] + part * (1 - top[3]) : 1));
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1 || at.matches("dialog")) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const light = ([r, g, b]) => {
    const linear = [r, g, b].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  let texts = 0;
  const walker = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!node.data.trim() || !visible(parent) || parent.closest("svg, :disabled, .unseen, .skip, option, noscript, script")) continue;
    texts += 1;
    const style = getComputedStyle(parent);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const below = ground(parent);
    const ratio = contrast(over(rgba(style.color), below), below);
    if (ratio < (large ? 3 : 4.5)) say(`has a contrast of ${ratio.toFixed(2)}`, parent);
  }
  for (const node of all(".glyph", scope).filter(visible)) {
    const below = ground(node.parentElement);
    const ratio = contrast(rgba(getComputedStyle(node).color), below);
    if (ratio < 3) say(`is a sign with a contrast of ${ratio.toFixed(2)}`, node);
  }
  if (texts < 3) say("hardly any text was looked at");
  return [...new Set(found)];
}
