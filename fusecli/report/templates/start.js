// Shows the first slice as soon as it is there, and loads the others behind it.
async function start() {
  const facts = JSON.parse(document.getElementById("facts").textContent);
  const viewer = new Viewer(facts);
  const loading = document.getElementById("loading");
  let drawn = 0;
  const loader = new Loader(Object.values(viewer.stacks), facts.shape[0], () => viewer.at[0], (k) => {
    loading.textContent = loader.done < loader.count ? `Loading slices: ${loader.done} of ${loader.count}.` : "";
    const isLast = loader.done === loader.count;
    if (k !== viewer.at[0] && !isLast && performance.now() - drawn < 1000) return;
    drawn = performance.now();
    viewer.draw();
  });
  await loader.run();
  document.documentElement.dataset.loaded = "all";
}

document.documentElement.classList.add("scripted");
start().catch((problem) => {
  document.documentElement.classList.remove("scripted");
  const trouble = document.getElementById("trouble");
  trouble.textContent = `This browser could not show the pictures (${problem.message}). Below is the middle slice of each.`;
  trouble.hidden = false;
});
