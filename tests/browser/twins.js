// Marks what looks like something before it on the page, in its own style and in those of all that it stands in: its
// contrast is the same. Of a table's rows, that leaves one cell of each kind.
() => {
  const looks = ["color", "backgroundColor", "backgroundImage", "opacity", "fontSize", "fontWeight", "textShadow", "display", "visibility", "position"];
  const numbers = new Map();
  const number = (look) => numbers.get(look) ?? numbers.set(look, numbers.size).get(look);
  const seen = new Set();
  const walk = (element, within) => {
    const style = getComputedStyle(element);
    const field = element.control ?? element;
    const names = [element.localName, element.className, element.checkVisibility(), field.disabled, field.ariaDisabled];
    const own = number([within, ...names, ...looks.map((name) => style[name])].join());
    // Axe makes nothing of a single letter: it stands for no words.
    const kind = `${own} ${element.textContent.trim().length > 1}`;
    element.toggleAttribute("data-twin", seen.has(kind));
    seen.add(kind);
    for (const child of element.children) walk(child, own);
  };
  walk(document.documentElement, "");
}
