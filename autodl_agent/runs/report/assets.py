"""How the page looks, and the one small script on it; both are part of the page, which loads nothing."""

import base64
import hashlib

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--quiet:#57606a;--paper:#fff;--panel:#f4f6f8;--line:#d5dae0;
--held:#1d5fd1;--test:#b3470b;--area:#1d5fd126;--gain:#1d5fd1;--idle:#8c959f;--bad:#b42318;--hit:29 95 209;
--miss:196 73 20}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--quiet:#9aa4af;--paper:#12151a;--panel:#1b2027;
--line:#343c46;
--held:#7db1ff;--test:#ffab70;--area:#7db1ff2e;--gain:#7db1ff;--idle:#6d7884;--bad:#ff8a80;--hit:65 125 230;
--miss:205 90 40}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:56rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:.3rem 0}h2{font-size:1.2rem;margin:0 0 .6rem}h3{font-size:1rem;
margin:1.1rem 0 .3rem}
section{margin:1.4rem 0 0;padding-top:1.1rem;border-top:1px solid var(--line);scroll-margin-top:.5rem}
a{color:var(--held)}:focus-visible{outline:3px solid var(--held);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{position:static}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1rem;list-style:none;margin:.6rem 0;padding:0}
nav a{display:inline-block;padding:.3rem 0}
.quiet,.none,.empty,.where,.hint{color:var(--quiet)}.hint,.where,figcaption,.wave+.quiet{font-size:.875rem}
.state{display:flex;flex-wrap:wrap;align-items:center;gap:.3rem 1rem;margin:.4rem 0}
progress{width:100%;height:.6rem;accent-color:var(--held)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0}
.tiles div{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .7rem}
.tiles dt{font-size:.85rem;color:var(--quiet)}.tiles dd{margin:0;font-size:1.3rem;font-weight:600}
figure{margin:0}svg{display:block;width:100%;height:auto}svg.roomy{display:none}
@media (min-width:44rem){svg.roomy{display:block}svg.narrow{display:none}}
svg text{font-size:12px;fill:var(--quiet)}svg text.lane{fill:var(--ink);font-weight:600}
.grid{stroke:var(--line);stroke-width:1;fill:none}.base{stroke:var(--quiet);stroke-width:1;fill:none}
.now{stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:2 3;fill:none}
.area{fill:var(--area)}.held,.test{fill:none;stroke-width:2}.held{stroke:var(--held)}.test{stroke:var(--test)}
.ahead{stroke-dasharray:5 4;opacity:.7}.held-dot{fill:var(--held)}.test-dot{fill:var(--test)}
rect.gain{fill:var(--gain)}rect.idle{fill:none;stroke:var(--idle);stroke-width:1.5}rect.failed{fill:none;
stroke:var(--bad);stroke-width:2}
svg text.cross{fill:var(--bad);text-anchor:middle;font-weight:700}
figcaption{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;margin:.3rem 0}
.key{white-space:nowrap}.key::before{content:"";display:inline-block;width:.9rem;height:.7rem;
margin-right:.4rem;vertical-align:-.05rem;border-radius:2px}
.held-key::before{background:var(--held);border-radius:50%;width:.7rem}.test-key::before{background:var(--test);
width:.7rem}
.gain-key::before{background:var(--gain)}.idle-key::before{border:2px solid var(--idle)}
.failed-key::before{border:2px solid var(--bad)}
.wide{overflow-x:auto;margin:.5rem 0}table{border-collapse:collapse;font-variant-numeric:tabular-nums;
overflow-wrap:normal}
caption{text-align:left;font-weight:600;padding:.2rem 0 .4rem}
th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}
th.word,td.word,tbody th{text-align:left;font-weight:400;max-width:22rem;overflow-wrap:anywhere}
thead th{font-weight:600;color:var(--quiet);vertical-align:bottom}
tbody th,td.word{min-width:7rem}
.bar{display:block;min-width:5rem;padding:0 .3rem;
background:linear-gradient(rgb(var(--hit)/.25),rgb(var(--hit)/.25)) 0 0/var(--v) 100% no-repeat}
.matrix td{min-width:2.4rem;text-align:center;border:1px solid var(--line)}.matrix thead th{padding:.3rem .2rem;
text-align:center}
.matrix .upright span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:10rem;overflow:hidden;
display:inline-block}
.matrix .corner{color:var(--quiet);font-size:.85rem;vertical-align:bottom;border:0;white-space:nowrap;
text-align:left}
.matrix .hit{background:rgb(var(--hit)/calc(var(--a)*.6))}
.matrix .miss{background:rgb(var(--miss)/calc(var(--a)*.6))}
.cards{list-style:none;margin:0;padding:0;display:grid;
grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:.8rem}
.card{border:1px solid var(--line);border-radius:.5rem;padding:.7rem;background:var(--panel);break-inside:avoid;
min-width:0}
.card img{max-width:100%;height:auto;border-radius:.25rem}.card dl{margin:.5rem 0 0}.where{margin:.4rem 0 0}
.card dl,.facts{display:grid;grid-template-columns:auto 1fr;gap:.15rem .8rem}
.card dt,.facts dt{color:var(--quiet)}dd{margin:0;min-width:0}
.cells{font-size:.9rem;margin:0!important}.snippet{margin:0;white-space:pre-line;font-size:.95rem}
.wave path{stroke:var(--held);stroke-width:1;fill:none}
details{margin:.5rem 0}summary{cursor:pointer;padding:.25rem 0;color:var(--held)}
[hidden]{display:none!important}
@media (max-width:30rem){.facts{grid-template-columns:1fr}.facts dd{margin-bottom:.4rem}th,td{padding:.3rem .45rem}}
@media print{:root{--paper:#fff;--ink:#000;--panel:#fff}body{max-width:none;font-size:10pt;padding:0;
print-color-adjust:exact;-webkit-print-color-adjust:exact}
nav,.skip,.state label{display:none}.wide{overflow:visible}figure,tr,.tiles{break-inside:avoid}
h2,h3{break-after:avoid}
details::details-content{content-visibility:visible;block-size:auto}}
"""

# Reloads the page unless the reader holds it still, and keeps open what was open; without scripts, <noscript> reloads.
# A page that says "running" long after the end is that of a run that was killed, and stays as it is.
SCRIPT = """
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
"""

_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode("ascii")
# Nothing is loaded from anywhere, and no script but ours runs, whatever stands in the data.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{_DIGEST}'"
)
