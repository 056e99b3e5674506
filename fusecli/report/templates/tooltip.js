// A definition shows while its key is pointed at or focused; Escape hides it until the next time.
function hideTips(event) {
  if (event.key === "Escape") for (const tip of document.querySelectorAll(".tip")) tip.classList.add("quiet");
}

document.addEventListener("keydown", hideTips);
for (const tip of document.querySelectorAll(".tip")) {
  for (const again of ["mouseenter", "focusin"]) tip.addEventListener(again, () => tip.classList.remove("quiet"));
}
