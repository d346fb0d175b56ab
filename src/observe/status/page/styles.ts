/** The page's style sheet. Colours are chosen for a contrast of 4.5 to 1 at least, light and dark. */

const COLOURS = `
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1c2330;--soft:#55606f;--edge:#d9dee6;--line:#3465c4;
--good:#17663a;--good-bg:#e0f3e7;--bad:#a81c1c;--bad-bg:#fdE6e4;--warn:#7a4d00;--warn-bg:#fdf0d5;--off:#4a5361;--off-bg:#e8ebf0}
@media (prefers-color-scheme:dark){:root{--bg:#14181f;--card:#1c222b;--text:#e6eaf0;--soft:#a3adbb;--edge:#343d4a;
--line:#8ab0f5;--good:#8fdcae;--good-bg:#173524;--bad:#ffaaa3;--bad-bg:#47201f;--warn:#f2c675;--warn-bg:#3d2f14;--off:#c0c8d3;--off-bg:#2d3540}}`

const LAYOUT = `
*{box-sizing:border-box}
body{margin:0;padding:1.25rem clamp(.75rem,2.5vw,2rem) 2rem;background:var(--bg);color:var(--text);
font:14px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;font-variant-numeric:tabular-nums}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem}
h1{font-size:1.3rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1rem;margin:1.5rem 0 .5rem}
p{margin:.35rem 0}
small,.facts,.none,footer,.when{color:var(--soft)}
small{font-size:.857rem}
#contact{margin:0;font-weight:600;color:var(--soft)}
#contact.live{color:var(--good)}
#contact.lost{color:var(--bad)}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
#refused:empty{display:none}
#refused,.alarm{background:var(--bad-bg);color:var(--bad);border-radius:6px;padding:.5rem .75rem;overflow-wrap:anywhere}
.alarm.early{background:var(--warn-bg);color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.6rem;margin:0}
.tile,details,table{background:var(--card);border:1px solid var(--edge);border-radius:6px}
.tile{padding:.5rem .75rem}
.tile dt{color:var(--soft)}
.tile dd{margin:0}
.tile b{font-size:1.3rem;margin-right:.4rem}
.tile small{display:block}
.chart{display:block;width:100%;max-width:180px;height:24px;margin-top:2px}
.line{fill:none;stroke:var(--line);stroke-width:1.5;vector-effect:non-scaling-stroke}
.bad{fill:var(--bad)}
details{padding:.3rem .75rem;margin:.25rem 0;overflow-wrap:anywhere}
summary{cursor:pointer}
.steps{margin:.35rem 0;padding-left:1.4rem}
.options{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:.3rem 1.2rem}
.options dt{font-weight:600}
.options dd{margin:0;color:var(--soft)}
footer{margin-top:1.5rem}
a{color:var(--line)}`

const TABLE = `
table{width:100%;border-collapse:separate;border-spacing:0}
th,td{text-align:left;vertical-align:top;padding:.45rem .6rem;border-top:1px solid var(--edge);font-weight:400}
thead th{border-top:0;color:var(--soft);font-size:.857rem}
tbody th{min-width:10.5rem;max-width:20rem}
tbody th .name{font-weight:600;margin-right:.5em;overflow-wrap:anywhere}
tbody th .tag{margin:0 .4em 0 0}
td .chart{min-width:90px}
td small{display:block}
td div{display:flow-root}
.tag,.pill{display:inline-block;border-radius:4px;padding:0 .4em;background:var(--off-bg);color:var(--off);white-space:nowrap}
.tag{margin-left:.4em;font-size:.857rem}
.pill{font-weight:600}
.pill.up{background:var(--good-bg);color:var(--good)}
.pill.ejected,.pill.unhealthy{background:var(--bad-bg);color:var(--bad)}
.pill.draining,.pill.full{background:var(--warn-bg);color:var(--warn)}
button{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--soft);border-radius:5px;padding:.2rem .6rem;min-height:28px;margin:0 .2rem .25rem 0;cursor:pointer}
button:hover{border-color:var(--text)}
:focus-visible{outline:3px solid var(--line);outline-offset:2px}
dialog{background:var(--card);color:var(--text);border:1px solid var(--soft);border-radius:8px;padding:1rem 1.25rem;max-width:min(26rem,90vw)}
dialog::backdrop{background:rgb(0 0 0/.5)}
dialog p{overflow-wrap:anywhere}`

const NARROW = `
@media (max-width:960px){
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,th,td{display:block}
table{background:none;border:0}
tr.peer{background:var(--card);border:1px solid var(--edge);border-radius:6px;margin-bottom:.6rem;padding:.4rem .75rem}
th,td{border:0;padding:.15rem 0;max-width:none}
td{display:grid;grid-template-columns:6.5rem minmax(0,1fr)}
td::before{content:attr(data-label);color:var(--soft)}
button{min-height:40px;min-width:72px}}
@media (prefers-reduced-motion:no-preference){.pill{transition:background-color .3s}}`

export const STYLES = COLOURS + LAYOUT + TABLE + NARROW
