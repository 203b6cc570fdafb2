/**
 * One sheet for light, dark, phone and paper. Colours after Okabe and Ito, which all kinds of colour-blind readers tell apart; texts have a
 * contrast of at least 4.5 to 1 in both schemes (tested).
 */
export const colors = {
  light: {
    bg: "#f4f6f8",
    card: "#ffffff",
    ink: "#16202b",
    muted: "#55616e",
    line: "#e1e6eb",
    faint: "#c3ccd5",
    ok: "#00704f",
    info: "#005f9e",
    warning: "#8a5a00",
    critical: "#b5341c",
    "ok-bg": "#e5f4ee",
    "info-bg": "#e6f0f8",
    "warning-bg": "#fdf3dc",
    "critical-bg": "#fcebe7",
    "series-1": "#0072b2",
    "series-2": "#c9630a",
    "series-3": "#00805c",
    "series-4": "#8f5b86",
    "level-3": "#00563f",
    "level-2": "#3f9fd6",
    "level-1": "#b9dcf2",
    "level-3-ink": "#ffffff",
    "level-2-ink": "#0b1a26",
    "level-1-ink": "#0b1a26",
  },
  dark: {
    bg: "#0e141a",
    card: "#172028",
    ink: "#e8edf2",
    muted: "#9dabb9",
    line: "#2a3641",
    faint: "#475663",
    ok: "#41c79b",
    info: "#6db9ee",
    warning: "#f2b544",
    critical: "#ff8468",
    "ok-bg": "#12302a",
    "info-bg": "#132b3d",
    "warning-bg": "#362a10",
    "critical-bg": "#3d1f19",
    "series-1": "#56b4e9",
    "series-2": "#f0a04b",
    "series-3": "#41c79b",
    "series-4": "#d495c4",
    "level-3": "#35b88d",
    "level-2": "#3d8fc4",
    "level-1": "#27526f",
    "level-3-ink": "#06120d",
    "level-2-ink": "#04121c",
    "level-1-ink": "#e8edf2",
  },
} as const;

function variables(scheme: Readonly<Record<string, string>>): string {
  return Object.entries(scheme)
    .map(([name, color]) => `--${name}:${color};`)
    .join("");
}

export const style: string = `
:root{${variables(colors.light)}color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{${variables(colors.dark)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
.top,main,footer{max-width:1100px;margin:0 auto;padding:0 24px}
.top{padding-top:36px}
.what{margin:0;color:var(--muted);font-size:13px;font-weight:600;letter-spacing:.08em;text-transform:uppercase}
h1{display:flex;align-items:center;gap:14px;margin:4px 0;font-size:34px;line-height:1.2;letter-spacing:-.015em}
h1 .icon{width:36px;height:36px}
.when{margin:0 0 20px;color:var(--muted);overflow-wrap:anywhere}
h2{margin:38px 0 12px;font-size:19px;letter-spacing:-.005em}
.vitals{display:grid;grid-template-columns:repeat(6,1fr);gap:1px;margin:0;overflow:hidden;background:var(--line);border:1px solid var(--line);border-radius:12px}
.vitals div{padding:12px 16px;background:var(--card)}
dt{color:var(--muted);font-size:13px}
dd{margin:0}
.vitals dd{font-size:22px;font-weight:650;letter-spacing:-.01em}
small{color:var(--muted);font-size:12.5px;font-weight:400;letter-spacing:0}
.vitals small{display:block}
.icon{flex:none;width:20px;height:20px;color:var(--muted)}
.icon>:first-child{fill:currentColor}
.icon>:not(:first-child){fill:none;stroke:var(--card);stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
.icon.ok{color:var(--ok)}.icon.info{color:var(--info)}.icon.warning{color:var(--warning)}.icon.critical{color:var(--critical)}
.alerts{display:grid;gap:10px;margin:0;padding:0;list-style:none}
.alert{display:flex;gap:14px;margin:0;padding:14px 16px;background:var(--card);border:1px solid var(--line);border-left:5px solid;border-radius:10px;overflow-wrap:anywhere;min-width:0}
.alert>div{min-width:0}
.alert p{margin:0}
.alert.ok{border-left-color:var(--ok);background:var(--ok-bg)}
.alert.info{border-left-color:var(--info);background:var(--info-bg)}
.alert.warning{border-left-color:var(--warning);background:var(--warning-bg)}
.alert.critical{border-left-color:var(--critical);background:var(--critical-bg)}
.title{font-weight:650}
.severity{font-size:12px;font-weight:700;letter-spacing:.05em;text-transform:uppercase}
.info .severity{color:var(--info)}.warning .severity{color:var(--warning)}.critical .severity{color:var(--critical)}
.action::before{content:"→ "}
.since{color:var(--muted);font-size:13px}
code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,"Liberation Mono",monospace}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(310px,1fr));gap:14px}
.card,.panel,details{background:var(--card);border:1px solid var(--line);border-radius:12px}
.card{padding:14px 16px 12px;border-top:4px solid var(--ok);min-width:0}
.card.warning{border-top-color:var(--warning)}.card.critical{border-top-color:var(--critical)}
.card header{display:flex;align-items:flex-start;justify-content:space-between;gap:10px}
h3{margin:0;font-size:17px;overflow-wrap:anywhere;min-width:0}
.pill{display:inline-flex;align-items:center;gap:5px;flex:none;padding:2px 10px 2px 5px;border-radius:99px;font-size:13px;font-weight:600}
.pill .icon{width:16px;height:16px}
.pill.ok{color:var(--ok);background:var(--ok-bg)}.pill.warning{color:var(--warning);background:var(--warning-bg)}.pill.critical{color:var(--critical);background:var(--critical-bg)}
.card dl{margin:10px 0 0}
.card dl div{display:grid;grid-template-columns:112px 1fr;gap:8px;padding:5px 0;border-top:1px solid var(--line)}
.card dd{min-width:0}
.gauge{display:block;height:6px;margin:3px 0 4px;overflow:hidden;background:var(--line);border-radius:3px}
.gauge span{display:block;height:100%;background:var(--ok)}
.gauge.near span{background:var(--warning)}
.gauge.over span{background:repeating-linear-gradient(-45deg,var(--critical) 0 5px,var(--critical-bg) 5px 8px)}
span.ok,span.proven{color:var(--ok);font-weight:600}
span.partial,span.undecided{color:var(--warning);font-weight:600}
.failed,span.damaged{color:var(--critical);font-weight:600}
.muted,.none{color:var(--muted)}
.panel{padding:16px 18px}
figure{margin:0;min-width:0}
figcaption{margin-bottom:4px;font-size:14px;font-weight:600;overflow-wrap:anywhere}
figure svg{display:block;max-width:100%;height:auto}
svg text{white-space:pre}
.legend{display:flex;flex-wrap:wrap;gap:2px 16px;margin:0 0 8px;padding:0;list-style:none;color:var(--muted);font-size:13px}
.legend li{display:flex;align-items:center;gap:6px}
.multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:18px 24px}
.narrow{display:none}
.below{margin-top:10px}
.troubles{margin:8px 0 0;padding:0;list-style:none;font-size:13.5px;overflow-wrap:anywhere}
.troubles li{padding:5px 0;border-top:1px solid var(--line)}
td>span{white-space:nowrap}
details{margin-top:10px}
summary{padding:10px 16px;font-weight:600;cursor:pointer;overflow-wrap:anywhere}
summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--info);outline-offset:2px;border-radius:8px}
.scroll{overflow-x:auto;padding:0 16px 12px}
table{width:100%;border-collapse:collapse;font-size:13.5px}
caption{padding:4px 0 8px;color:var(--muted);text-align:left}
th,td{padding:6px 14px 6px 0;border-top:1px solid var(--line);text-align:left;vertical-align:top}
thead th{color:var(--muted);font-weight:600;white-space:nowrap}
tbody th{font-weight:400}
td{max-width:360px;overflow-wrap:anywhere}
time,table code{white-space:nowrap}
footer{padding-top:26px;padding-bottom:40px;color:var(--muted);font-size:13px}
@media (max-width:1000px){.vitals{grid-template-columns:repeat(3,1fr)}}
@media (max-width:700px){
.top,main,footer{padding-left:14px;padding-right:14px}
.top{padding-top:20px}
h1{font-size:25px;gap:10px}
h1 .icon{width:28px;height:28px}
.vitals{grid-template-columns:1fr 1fr}
.vitals dd{font-size:18px}
.wide{display:none}.narrow{display:block}
.panel{padding:12px}
.cards{grid-template-columns:1fr}
.multiples{grid-template-columns:1fr}
}
@media print{
:root{${variables(colors.light)}color-scheme:light}
@page{margin:12mm}
body{background:#fff}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.top,main,footer{max-width:none;padding:0;zoom:.8}
.wide{display:block}.narrow{display:none}
.vitals{grid-template-columns:repeat(6,1fr)}
.cards{grid-template-columns:repeat(3,1fr)}
.multiples{grid-template-columns:repeat(3,1fr)}
.card,.alert,figure,tr{break-inside:avoid}
h2{break-after:avoid;margin-top:22px}
details::details-content{content-visibility:visible;block-size:auto}
@supports not selector(details::details-content){details:not([open]){display:none}}
.scroll{overflow:visible}
}
`;
