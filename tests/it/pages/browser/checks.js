// What is wrong with the page for whoever cannot see it, cannot point, or sees badly.
(() => {
  const wrong = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const brief = (element) => element.outerHTML.slice(0, 140);
  const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;

  // Whole.
  if (document.documentElement.lang !== "en") wrong.push("no language");
  if (!document.title) wrong.push("no title");
  for (const landmark of ["main", "body > header", "body > footer", "h1"]) {
    if (all(landmark).length !== 1) wrong.push(`${all(landmark).length} of ${landmark}`);
  }
  let level = 0;
  for (const heading of all("h1, h2, h3, h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) wrong.push(`a level is left out before ${brief(heading)}`);
    level = own;
  }
  const ids = all("[id]").map((element) => element.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`the id ${id} is there twice`);
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) {
    const wide = all("body *").filter((element) => !element.closest(".scroll") && element.getBoundingClientRect().right > innerWidth + 1);
    wrong.push(`wider than the window: ${wide.slice(0, 3).map(brief).join(" ")}`);
  }

  // Names.
  for (const control of all("input:not([type=hidden]), select, textarea")) {
    const named = control.labels.length > 0 || control.getAttribute("aria-label");
    if (!named) wrong.push(`no label: ${brief(control)}`);
  }
  for (const control of all("button, a[href], summary")) {
    const name = control.getAttribute("aria-label") || control.textContent.trim();
    if (!name) wrong.push(`no name: ${brief(control)}`);
  }
  for (const picture of all("svg, img")) {
    if (picture.getAttribute("role") !== "img" || !picture.getAttribute("aria-label")) wrong.push(`no description: ${brief(picture)}`);
  }
  for (const table of all("table")) {
    if (table.querySelectorAll("thead th[scope=col]").length === 0) wrong.push(`no heads: ${brief(table)}`);
  }
  for (const described of all("[aria-labelledby], [aria-describedby]")) {
    const id = described.getAttribute("aria-labelledby") || described.getAttribute("aria-describedby");
    if (!document.getElementById(id)) wrong.push(`described by nothing: ${brief(described)}`);
  }

  // The order of the keyboard is that of the page, and the first stop skips to the content.
  if (all("[tabindex]").some((element) => element.tabIndex > 0)) wrong.push("an order of its own");
  const stops = all("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']");
  if (stops[0]?.getAttribute("href") !== "#content") wrong.push("the content cannot be skipped to");
  for (const scrolled of all(".scroll")) {
    if (scrolled.tabIndex !== 0 || !scrolled.getAttribute("aria-label")) wrong.push(`cannot be scrolled with keys: ${brief(scrolled)}`);
  }

  // Contrast.
  const parts = (colour) => {
    const numbers = colour.match(/[\d.]+/g).map(Number);
    return numbers.length === 3 ? [...numbers, 1] : numbers;
  };
  const luminance = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255, 1];
  };
  const contrast = (front, back) => {
    const [high, low] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(element) || element.closest("title, script, option, .skip")) continue;
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    const front = parts(drawn ? style.fill : style.color);
    const under = drawn && element.parentElement.querySelector(":scope > rect");
    const fill = under ? parts(getComputedStyle(under).fill) : null;
    const back = fill && fill[3] === 1 && element.matches("g[class^=v] > text") ? fill : ground(element.closest("svg")?.parentElement ?? element);
    const ratio = contrast(front, back);
    const key = `${element.className.baseVal ?? element.className} ${front} ${back}`;
    if (ratio < 4.5 && !told.has(key)) {
      told.add(key);
      wrong.push(`contrast ${ratio.toFixed(2)} (${front} on ${back}): ${brief(element)}`);
    }
  }
  return wrong;
})()
