// Sorts, filters and turns pages of the cases; without it the page is a plain table in the order of the batch.
const ROWS_AT_ONCE = 200; // laying out thousands of rows takes a browser seconds
const body = document.querySelector("#cases tbody");
const rows = [...body.rows];
const words = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
const find = document.getElementById("find");
const wanted = document.getElementById("status");
const outlying = document.getElementById("outlying");
const earlier = document.getElementById("earlier");
const later = document.getElementById("later");
let ordered = rows;
let first = 0;

function fitting() {
  const text = find.value.trim().toLowerCase();
  return ordered.filter(
    (row) =>
      words.get(row).includes(text) &&
      (!wanted.value || row.dataset.status === wanted.value) &&
      (!outlying.checked || "outlier" in row.dataset),
  );
}

function show() {
  const fit = fitting();
  const last = Math.min(first + ROWS_AT_ONCE, fit.length);
  body.replaceChildren(...fit.slice(first, last));
  const part = fit.length > ROWS_AT_ONCE ? `, these are ${first + 1} to ${last}` : "";
  document.getElementById("count").textContent = `${fit.length} of ${rows.length} cases${part}`;
  earlier.hidden = later.hidden = fit.length <= ROWS_AT_ONCE;
  earlier.disabled = first === 0;
  later.disabled = last === fit.length;
}

function turn(step) {
  first = Math.max(0, first + step);
  show();
}

// What is missing comes last, whichever way is sorted.
function compare(a, b, sign, isNumber) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return sign * (isNumber ? a - b : a.localeCompare(b, undefined, { numeric: true }));
}

function sort(header) {
  const falls = header.getAttribute("aria-sort") === "ascending";
  for (const other of header.parentElement.cells) {
    if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
  }
  header.setAttribute("aria-sort", falls ? "descending" : "ascending");
  const isNumber = header.classList.contains("number");
  const key = (row) => row.cells[header.cellIndex].dataset.sort;
  ordered = [...rows].sort((a, b) => compare(key(a), key(b), falls ? -1 : 1, isNumber));
  turn(-Infinity);
}

for (const button of document.querySelectorAll(".sort")) {
  button.addEventListener("click", () => sort(button.closest("th")));
}
for (const control of [find, wanted, outlying]) control.addEventListener("input", () => turn(-Infinity));
earlier.addEventListener("click", () => turn(-ROWS_AT_ONCE));
later.addEventListener("click", () => turn(ROWS_AT_ONCE));
window.addEventListener("beforeprint", () => body.replaceChildren(...fitting()));
window.addEventListener("afterprint", show);
show();
document.documentElement.classList.add("scripted");
