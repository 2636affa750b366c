// The entry form, enhanced: totals as one types, and more lines without a trip to the server, which checks all of it.
const form = document.getElementById("entry-form");
const CENTS = /^\s*(\d{1,3}(,\d{3})+|\d+)?(\.\d{0,2})?\s*$/;

// In whole cents, since a tenth can't be kept exactly; what is no amount counts as nothing, as it does for the server.
const cents = (text) => {
  if (!/\d/.test(text) || !CENTS.test(text)) return 0n;
  const [whole, part = ""] = text.trim().replaceAll(",", "").split(".");
  return BigInt(whole || "0") * 100n + BigInt(part.padEnd(2, "0"));
};
const written = (amount) => {
  const digits = amount.toString().padStart(3, "0");
  return `${digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",")}.${digits.slice(-2)}`;
};

const total = (side) =>
  [...form.querySelectorAll(`input[name$="-${side}"]`)].reduce((sum, input) => sum + cents(input.value), 0n);

const showBalance = () => {
  const [debits, credits] = ["debit", "credit"].map((side) => {
    const sum = total(side);
    form.querySelector(`[data-total="${side}"]`).textContent = written(sum);
    return sum;
  });
  const difference = debits > credits ? debits - credits : credits - debits;
  const [more, less] = debits > credits ? ["Debits", "credits"] : ["Credits", "debits"];
  const line = document.getElementById("entry-balance");
  const words = difference ? `${more} exceed ${less} by ${written(difference)}.` : debits ? "In balance." : "";
  if (line.textContent !== words) line.textContent = words;
};
form.addEventListener("input", showBalance);
showBalance();

// A copy of the last line under the next number, empty.
const addLine = () => {
  const last = form.querySelector("tbody tr:last-child");
  const number = Number(form.elements.rows.value) + 1;
  const row = last.cloneNode(true);
  row.querySelectorAll(".errorlist").forEach((list) => list.remove());
  row.querySelectorAll("input").forEach((input) => {
    for (const name of ["id", "name"]) input[name] = input[name].replace(/line-\d+-/, `line-${number}-`);
    input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/Line \d+/, `Line ${number}`));
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
    input.value = "";
  });
  last.after(row);
  form.elements.rows.value = number;
  return row;
};
form.querySelector("[name=add_rows]").addEventListener("click", (event) => {
  event.preventDefault();
  const [first] = [1, 2, 3].map(addLine);
  first.querySelector("input").focus();
});
