// Reloads the page unless the reader holds it still, and keeps open what was open; without scripts, <noscript> reloads.
// A page that says "running" long after the end is that of a run that was killed, and stays as it is.
(() => {
  const root = document.documentElement, wait = Number(root.dataset.refresh), box = document.getElementById("hold");
  const key = "autodl " + location.pathname, folds = [...document.querySelectorAll("details")];
  const label = (fold) => fold.querySelector("summary").textContent.replace(/[0-9]+/g, "");
  let kept = {open: [], held: false};
  try { kept = JSON.parse(sessionStorage.getItem(key)) || kept; } catch (error) {}
  const keep = () => {
    kept = {open: folds.filter((fold) => fold.open).map(label), held: box ? box.checked : false};
    try { sessionStorage.setItem(key, JSON.stringify(kept)); } catch (error) {}
  };
  for (const fold of folds) {
    fold.open = kept.open.includes(label(fold));
    fold.addEventListener("toggle", keep);
  }
  const over = () => Date.now() > 1000 * Number(root.dataset.end);
  if (!box || !wait || over()) return;
  box.checked = kept.held;
  box.parentElement.hidden = false;
  box.addEventListener("change", keep);
  setInterval(() => { if (!box.checked && !over()) location.reload(); }, wait * 1000);
})();
