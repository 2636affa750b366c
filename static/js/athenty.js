// Progressive enhancement only: every page works without this file.

// Arrow keys move between tabs; Enter follows the link, since a panel is fetched.
document.addEventListener("keydown", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (!tab) return;
  const tabs = [...tab.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  const at = tabs.indexOf(tab);
  const next = {
    ArrowRight: tabs[(at + 1) % tabs.length],
    ArrowLeft: tabs[(at - 1 + tabs.length) % tabs.length],
    Home: tabs[0],
    End: tabs[tabs.length - 1],
  }[event.key];
  if (next) {
    event.preventDefault();
    next.focus();
  } else if (event.key === " ") {
    event.preventDefault();
    tab.click();
  }
});

// A refused form puts the focus on what is wrong with it.
const focusErrors = () => document.querySelector(".error-summary")?.focus();
document.addEventListener("DOMContentLoaded", focusErrors);
document.addEventListener("htmx:afterSettle", focusErrors);

// One press, one request. The server tolerates a second press; this spares the person wondering.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.submitted) {
    event.preventDefault();
    return;
  }
  form.dataset.submitted = "yes";
  const button = event.submitter;
  if (button) {
    button.setAttribute("aria-disabled", "true");
    if (button.dataset.busy) button.textContent = button.dataset.busy;
  }
});
// Coming back with the browser's Back button finds the page as it was left.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});
document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.target.closest("form");
  if (!form) return;
  delete form.dataset.submitted;
  form.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
});

// Choices that are not saved yet are counted, and leaving with them warns once.
const isChanged = (control) =>
  control.type === "radio"
    ? control.checked !== control.defaultChecked
    : control.value.trim() !== (control.dataset.saved ?? control.defaultValue);
const unsaved = (form) => [...form.querySelectorAll("input.target, input[type=radio]:checked")].filter(isChanged).length;
window.athenty = { unsaved };

const countUnsaved = (form) => {
  const count = unsaved(form);
  const line = form.querySelector(".unsaved");
  const text = count ? `${count} unsaved ${count === 1 ? "change" : "changes"}` : "";
  if (line && line.textContent !== text) line.textContent = text;
};
for (const type of ["change", "input"]) {
  document.addEventListener(type, (event) => {
    const form = event.target.closest("form[data-warn-unsaved]");
    if (form) countUnsaved(form);
  });
}
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form[data-warn-unsaved]").forEach(countUnsaved);
});
// Choosing to discard is answer enough.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-discard]");
  if (link) link.closest("form").dataset.submitted = "yes";
});
window.addEventListener("beforeunload", (event) => {
  const forms = [...document.querySelectorAll("form[data-warn-unsaved]")];
  if (forms.some((form) => !form.dataset.submitted && unsaved(form))) event.preventDefault();
});

const alertLine = (sentence) => {
  document.getElementById("alert").textContent = sentence;
};
document.addEventListener("htmx:responseError", (event) => {
  const reference = event.detail.xhr.getResponseHeader("X-Error-Reference");
  const whom = reference ? ` If it happens again, give support the reference ${reference}.` : "";
  alertLine(`Athenty could not do that. Reload the page to see what stands, then try again.${whom}`);
});
for (const failure of ["htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, () => alertLine("You appear to be offline. Your changes are not saved."));
}
document.addEventListener("htmx:beforeRequest", () => alertLine(""));

// Printing needs a script; without one, the browser's own menu does it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
