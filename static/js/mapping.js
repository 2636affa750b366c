// The mapping table: choosing from a long list by typing, filtering in place, filling in suggestions. Without this file
// the boxes offer the browser's own list and every button asks the server.

// The list of accounts, one for the page, shown under the box that has the focus (WAI-ARIA APG: combobox with list).
const picker = {
  box: null,
  list: null,
  options: [],
  active: -1,
  isTyped: false,

  read(box) {
    const source = document.getElementById(box.dataset.targets);
    return [...source.options].map((option) => ({
      text: option.value,
      sought: `${option.value} ${option.disabled ? "" : option.label}`.toLocaleLowerCase(),
      group: option.disabled ? "Cannot be used" : option.label,
      reason: option.disabled ? option.label : "",
    }));
  },

  open(box, words = "") {
    this.box = box;
    if (!this.list) {
      this.list = document.createElement("div");
      this.list.className = "picker";
      this.list.id = "picker";
      this.list.setAttribute("role", "listbox");
      this.list.setAttribute("aria-label", "Accounts");
      this.list.addEventListener("mousedown", (event) => event.preventDefault()); // the box keeps the focus
      this.list.addEventListener("click", (event) => {
        const option = event.target.closest("[role=option]");
        if (option && !option.hasAttribute("aria-disabled")) this.choose(Number(option.dataset.at));
      });
    }
    box.parentElement.append(this.list);
    const sought = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    this.options = this.read(box).filter((option) => sought.every((word) => option.sought.includes(word)));
    this.list.replaceChildren(...this.groups());
    if (!this.options.length) this.list.append(Object.assign(document.createElement("p"), { textContent: "No account matches." }));
    this.list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    const current = this.options.findIndex((option) => option.text === box.value);
    this.move(current >= 0 ? current : this.isTyped ? this.options.findIndex((option) => !option.reason) : -1);
    const edge = document.querySelector(".save-bar")?.getBoundingClientRect().top ?? window.innerHeight;
    if (this.list.getBoundingClientRect().bottom > edge) box.scrollIntoView({ block: "center" });
  },

  groups() {
    const groups = new Map();
    this.options.forEach((option, at) => {
      if (!groups.has(option.group)) {
        const group = document.createElement("div");
        group.setAttribute("role", "group");
        group.setAttribute("aria-label", option.group);
        const heading = Object.assign(document.createElement("div"), { className: "picker-group", textContent: option.group });
        heading.setAttribute("aria-hidden", "true");
        group.append(heading);
        groups.set(option.group, group);
      }
      const shown = Object.assign(document.createElement("div"), { id: `picker-${at}`, textContent: option.text });
      shown.setAttribute("role", "option");
      shown.dataset.at = at;
      if (option.reason) {
        shown.setAttribute("aria-disabled", "true");
        shown.append(Object.assign(document.createElement("span"), { className: "row-note", textContent: option.reason }));
      }
      groups.get(option.group).append(shown);
    });
    return [...groups.values()];
  },

  move(at) {
    this.list.querySelector("[aria-selected]")?.removeAttribute("aria-selected");
    this.active = at;
    const shown = at >= 0 && document.getElementById(`picker-${at}`);
    if (!shown) {
      this.box.removeAttribute("aria-activedescendant");
      return;
    }
    shown.setAttribute("aria-selected", "true");
    this.box.setAttribute("aria-activedescendant", shown.id);
    shown.scrollIntoView({ block: "nearest" });
  },

  step(by) {
    const count = this.options.length;
    for (let n = 1, at = this.active; n <= count; n += 1) {
      at = (at + by + count + (at < 0 && by < 0 ? 1 : 0)) % count;
      if (!this.options[at].reason) return this.move(at);
    }
    return undefined;
  },

  choose(at) {
    const option = this.options[at];
    if (!option || option.reason) return;
    put(this.box, option.text);
    this.close();
  },

  close() {
    if (!this.isOpen()) return;
    this.list.hidden = true;
    this.isTyped = false;
    this.box.setAttribute("aria-expanded", "false");
    this.box.removeAttribute("aria-activedescendant");
  },

  isOpen() {
    return Boolean(this.list && !this.list.hidden);
  },
};

// A value set by script counts as a change like one that was typed.
const put = (box, text) => {
  box.value = text;
  box.dispatchEvent(new Event("change", { bubbles: true }));
};

// The browser's own list gives way to ours.
const prepare = (root) => {
  for (const box of root.querySelectorAll("input.target[list]")) {
    box.dataset.targets = box.getAttribute("list");
    box.removeAttribute("list");
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-expanded", "false");
    box.setAttribute("aria-controls", "picker");
  }
  for (const button of root.querySelectorAll("[data-copy], [data-print]")) button.hidden = false;
};
document.addEventListener("DOMContentLoaded", () => prepare(document));
document.addEventListener("htmx:load", (event) => {
  prepare(event.target);
  for (const section of event.target.querySelectorAll(".mapping")) filter(section);
});

const isBox = (element) => element.matches?.("input.target[role=combobox]");
document.addEventListener("focusin", (event) => {
  if (isBox(event.target)) event.target.select();
});
document.addEventListener("focusout", (event) => {
  if (isBox(event.target)) picker.close();
});
document.addEventListener("click", (event) => {
  if (isBox(event.target) && !picker.isOpen()) picker.open(event.target);
});
document.addEventListener("input", (event) => {
  if (!isBox(event.target)) return;
  picker.isTyped = event.target.value !== "";
  picker.open(event.target, event.target.value);
});
document.addEventListener("keydown", (event) => {
  const box = event.target;
  if (!isBox(box)) return;
  const isOpen = picker.isOpen();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (isOpen) picker.step(event.key === "ArrowDown" ? 1 : -1);
    else picker.open(box);
  } else if (event.key === "Enter" && isOpen) {
    event.preventDefault();
    picker.choose(picker.active);
  } else if (event.key === "Tab" && isOpen && picker.isTyped) {
    picker.choose(picker.active);
  } else if (event.key === "Escape" && isOpen) {
    event.preventDefault();
    if (picker.isTyped) put(box, box.dataset.saved ?? box.defaultValue);
    picker.close();
  }
});

// A suggestion that stands in its box has been answered.
document.addEventListener("change", (event) => {
  const suggestion = isBox(event.target) && event.target.closest("tr").querySelector(".suggestion");
  if (suggestion) suggestion.hidden = suggestion.querySelector(".suggested").textContent === event.target.value;
});

// Filters and search work in place, so that choices not saved yet stay; the address follows.
const filter = (section) => {
  const provider = section.dataset.provider;
  const asked = new URLSearchParams(window.location.search);
  const show = asked.get(provider) || "all";
  const words = (asked.get(`${provider}_q`) || "").toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of section.querySelectorAll("tr[data-kinds]")) {
    const box = row.querySelector("input.target");
    const text = `${row.querySelector("th").textContent} ${box.value}`.toLocaleLowerCase();
    const isError = box.getAttribute("aria-invalid") === "true";
    const isShown = isError || (row.dataset.kinds.split(" ").includes(show) && words.every((word) => text.includes(word)));
    row.hidden = !isShown;
    shown += isShown;
  }
  for (const link of section.querySelectorAll("[data-show]")) {
    if (link.dataset.show === show) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const none = section.querySelector("[data-none]");
  if (none) {
    none.hidden = shown > 0;
    if (!shown && words.length) {
      const clear = Object.assign(document.createElement("a"), { href: "", textContent: "Clear search" });
      clear.dataset.clear = "";
      none.replaceChildren(`No accounts match “${words.join(" ")}”. `, clear);
    } else if (!shown) {
      none.textContent = show === "unmapped" ? "All required accounts are mapped." : "No accounts to show.";
    }
  }
  return shown;
};
const refilter = (section, changes) => {
  const address = new URL(window.location);
  for (const [name, value] of Object.entries(changes)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  window.history.replaceState(window.history.state, "", address);
  const shown = filter(section);
  document.getElementById("status").textContent = `${shown} ${shown === 1 ? "account" : "accounts"} shown.`;
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-show]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const section = link.closest(".mapping");
  refilter(section, { [section.dataset.provider]: link.dataset.show === "all" ? "" : link.dataset.show });
});
document.addEventListener("click", (event) => {
  if (!event.target.matches("[data-clear]")) return;
  event.preventDefault();
  const search = event.target.closest(".mapping").querySelector("[type=search]");
  search.value = "";
  search.focus();
  refilter(search.closest(".mapping"), { [search.name]: "" });
});
let typing;
document.addEventListener("input", (event) => {
  const section = event.target.closest(".mapping");
  if (event.target.type !== "search" || !section) return;
  window.clearTimeout(typing);
  typing = window.setTimeout(() => refilter(section, { [event.target.name]: event.target.value.trim() }), 200);
});
document.addEventListener("submit", (event) => {
  const section = event.target.closest(".mapping");
  if (!section || !event.target.matches(".search")) return;
  event.preventDefault();
  const search = event.target.querySelector("[type=search]");
  refilter(section, { [search.name]: search.value.trim() });
});

// Accepting a suggestion fills its box; accepting all leaves client money to be looked at one by one.
const filled = new WeakMap();
const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
const fill = (form, button) => {
  const line = form.querySelector("[data-filled]");
  const undo = form.querySelector("[name=fill][value=undo]");
  if (button.value === "undo") {
    const rows = filled.get(form);
    if (!rows) return false; // accepted by the server, which knows how to undo it
    for (const [box, before] of rows) put(box, before);
    filled.delete(form);
    undo.hidden = true;
    line.textContent = "Undone.";
    form.querySelector("[name=fill][value=all]")?.focus();
    return true;
  }
  const isAll = button.value === "all";
  const rows = isAll ? [...form.querySelectorAll("tr:has(.suggested)")] : [button.closest("tr")];
  const left = isAll ? rows.filter((row) => row.classList.contains("is-trust")) : [];
  const before = rows
    .filter((row) => !left.includes(row) && (!isAll || !row.querySelector("input.target").value))
    .map((row) => [row.querySelector("input.target"), row.querySelector("input.target").value]);
  for (const [box] of before) put(box, box.closest("tr").querySelector(".suggested").textContent);
  if (!isAll) return true;
  filled.set(form, before);
  undo.hidden = !before.length;
  line.textContent = `${count(before.length, "suggestion")} filled in. ${left.length ? `${count(left.length, "trust account")} left for you to check. ` : ""}Nothing is saved yet.`;
  document.getElementById("status").textContent = line.textContent;
  return true;
};
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest("button[name=fill]");
    if (button && fill(button.form, button)) event.preventDefault();
  },
  true,
);

// A chart that was read again replaces the table, unless a person is at work in it.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const form = event.detail.target?.querySelector?.("form[data-warn-unsaved]");
  if (!form || !window.athenty.unsaved(form)) return;
  event.preventDefault();
  document.getElementById("status").textContent = "The chart was read again. Save or discard your changes to see it.";
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-print]");
  if (!button) return;
  if ("print" in button.dataset) return void window.print();
  const text = document.getElementById(button.dataset.copy);
  text.select();
  navigator.clipboard?.writeText(text.value).then(() => {
    document.getElementById("status").textContent = "Copied.";
    button.textContent = "Copied";
  });
});
