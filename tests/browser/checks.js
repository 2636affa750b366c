// What ux.md §9 asks of every page and can be read off it. Returns complaints, each naming the check by its number.
() => {
  const complaints = [];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const text = (element) => element.textContent.replace(/\s+/g, " ").trim();
  const brief = (element) => `<${element.localName} ${element.id || element.name || element.className}> ${text(element).slice(0, 40)}`;
  const complain = (number, what) => complaints.push(`${number}: ${what}`);

  // 2. One h1, ordered headings, landmarks, language, title.
  if (all("h1").filter(shown).length !== 1) complain(2, `${all("h1").length} h1`);
  if (all("main").length !== 1) complain(2, `${all("main").length} main`);
  if (document.documentElement.lang !== "en") complain(2, "no language");
  if (!/\S – Athenty$/.test(document.title)) complain(2, `title ${document.title}`);
  all("h1, h2, h3, h4").filter(shown).reduce((above, heading) => {
    const level = Number(heading.localName[1]);
    if (level > above + 1) complain(2, `${brief(heading)} skips a level`);
    return level;
  }, 0);

  // 3. Tabs.
  const tabs = all("[role=tab]");
  if (tabs.length) {
    const selected = tabs.filter((tab) => tab.ariaSelected === "true");
    if (selected.length !== 1) complain(3, `${selected.length} selected tabs`);
    else if (!document.getElementById(selected[0].getAttribute("aria-controls"))) complain(3, "the panel is missing");
  }

  // 6. Pills.
  for (const pill of all(".pill")) {
    const word = text(pill).replace(/^\W+/, "");
    if (!["Disconnected", "Connected", "Error"].includes(word)) complain(6, `pill says ${word}`);
    if (pill.closest("a, button")) complain(6, "a pill can be pressed");
  }

  // 7. Each card has exactly one of Connect (or Reconnect) and Disconnect.
  for (const card of all("#quickbooks, #xero")) {
    const acts = all("a, button", card).filter((act) => shown(act) && /^(Connect to|Reconnect|Disconnect|Try again$)/.test(text(act)));
    if (acts.length !== 1) complain(7, `${card.id} has ${acts.map(text).join(" and ") || "neither"}`);
  }

  // 13. Targets of 24 px. A link within a sentence is exempt.
  for (const control of all("a[href], button, select, input:not([type=hidden]), textarea, summary").filter(shown)) {
    const box = control.getBoundingClientRect();
    const alone = control.localName !== "a" || getComputedStyle(control).display !== "inline";
    const hidden = control.className.includes?.("skip-link") || control.className.includes?.("visually-hidden");
    if (alone && !hidden && Math.min(box.width, box.height) < 23.9) complain(13, `${brief(control)} is ${box.width} × ${box.height}`);
  }

  // 14. Nothing is cut off or spills: what an element holds fits it, unless it scrolls, or ends in an ellipsis and has
  // the whole in its title. An inline element has no width of its own: its block is asked.
  const forEarsOnly = (element) => element && (getComputedStyle(element).clipPath !== "none" || forEarsOnly(element.parentElement));
  const overfull = all("body *:not(input, select, textarea)").filter((element) => {
    if (!element.clientWidth || element.scrollWidth <= element.clientWidth + 1) return false;
    const { overflowX, textOverflow } = getComputedStyle(element);
    const isShortened = textOverflow === "ellipsis" && element.title;
    return shown(element) && !isShortened && !["auto", "scroll"].includes(overflowX) && !forEarsOnly(element);
  });
  for (const element of overfull.filter((one) => !overfull.some((other) => other !== one && one.contains(other)))) {
    complain(14, `${brief(element)} needs ${element.scrollWidth} px and has ${element.clientWidth}`);
  }

  // 16. Every choice of a target has a name of its own that holds our account's number.
  const names = all("select.target, input.target").map((field) => text(field.labels?.[0] ?? { textContent: field.ariaLabel ?? "" }));
  for (const name of names) if (!/\d/.test(name)) complain(16, `a target is called ${name}`);
  if (new Set(names).size !== names.length) complain(16, "two targets have one name");

  // 17. Moments.
  for (const time of all("time")) {
    if (!time.dateTime) complain(17, `${text(time)} has no datetime`);
    else if (!/\d{4}/.test(text(time))) complain(17, `${text(time)} has no date one can read`);
  }

  // 18. Money.
  for (const amount of all("td.money, th.money").filter((cell) => shown(cell) && cell.localName === "td")) {
    const style = getComputedStyle(amount);
    const said = text(amount);
    if (!["right", "end"].includes(style.textAlign)) complain(18, `${said} is not right-aligned`);
    if (!style.fontVariantNumeric.includes("tabular-nums")) complain(18, `${said} has no tabular figures`);
    if (/\d/.test(said) && !/\d\.\d\d\)?( |$)/.test(said)) complain(18, `${said} lacks two decimals`);
    if (said.includes("(") && !said.includes("minus")) complain(18, `${said} does not say minus`);
    if (style.whiteSpace !== "nowrap") complain(18, `${said} may wrap`);
  }

  // 20 and S23: nothing inline that the Content-Security-Policy would have to allow.
  for (const script of all("script:not([src])")) if (!script.type.includes("json")) complain("CSP", "an inline script");
  for (const style of all("style, [style]")) if (!style.closest("svg")) complain("CSP", `inline style on ${brief(style)}`);

  // Names twice.
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) complain("id", `${id} twice`);
  return complaints;
}
