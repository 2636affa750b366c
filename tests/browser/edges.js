// The edges of fields, which axe does not measure: WCAG 1.4.11 wants 3 to 1. Returns those with less.
() => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
  const ratio = (one, two) => (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color[3] !== 0) return light(color);
    }
    return light([255, 255, 255]);
  };
  const drawnByTheBrowser = "[type=hidden], [type=radio], [type=checkbox], [type=file]";
  const edge = (field) => light(parse(getComputedStyle(field).borderTopColor));
  return [...document.querySelectorAll(`input:not(${drawnByTheBrowser}), select, textarea`)]
    .filter((field) => field.checkVisibility() && !field.disabled)
    .map((field) => [field.id, ratio(edge(field), ground(field.parentElement))])
    .filter(([, found]) => found < 3);
}
