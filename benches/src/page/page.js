// The pictures of a report: bars of ratios with intervals, cold starts by phase, curves. It knows of the data what this
// page's writer put there, and loads nothing.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const AGAIN = "again", COLOURS = 8;
const $ = id => document.getElementById(id);
const element = (tag, text, parent, name) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  if (parent) parent.append(made);
  return made;
};
const draw = (tag, attributes, parent, text) => {
  const made = document.createElementNS($("picture").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};

// ---- words -----------------------------------------------------------------------------------------------------------

const time = s => s >= 10 ? s.toFixed(1) + " s" : s >= 1 ? s.toFixed(2) + " s" : s >= 0.1 ? (s * 1e3).toFixed(0) + " ms"
  : s >= 1e-3 ? (s * 1e3).toFixed(1) + " ms" : (s * 1e6).toFixed(0) + " µs";
const size = bytes => bytes >= 1 << 20 ? (bytes / (1 << 20)).toFixed(1) + " MiB" : (bytes / 1024).toFixed(0) + " KiB";
const ratio = r => r >= 100 ? r.toFixed(0) : r >= 10 ? r.toFixed(1) : r.toFixed(2);
const written = (metric, value) => data.metrics[metric] === "memory" ? size(value) : time(value);
const interval = e => ratio(e.value) + " [" + ratio(e.low) + " .. " + ratio(e.high) + "]";
const same = e => e.low <= 1 && e.high >= 1;
const count = n => n.toLocaleString("en");

const reference = data.report.reference;
const names = data.report.runtimes.map(runtime => runtime.name);
const colour = name => "var(--c" + names.indexOf(name) % COLOURS + ")";
const hidden = new Set();
let metric = 0;

// ---- the little window at the pointer ----------------------------------------------------------------------------------

function tell(node, head, lines) {
  node.addEventListener("pointermove", event => {
    const tip = $("tip");
    tip.replaceChildren();
    element("b", head, tip);
    for (const line of lines) element("div", line, tip);
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = Math.min(event.clientX + 14, innerWidth - width - 8) + "px";
    tip.style.top = (event.clientY + height + 24 > innerHeight ? event.clientY - height - 10 : event.clientY + 14) + "px";
  });
  node.addEventListener("pointerleave", () => $("tip").hidden = true);
}

// ---- head ------------------------------------------------------------------------------------------------------------

function head() {
  const { date, machine, rounds, runtimes, skipped, failures } = data.report;
  $("about").textContent = date + " · " + machine + " · " + rounds + " rounds · ratios are to " + reference;
  const quoted = data.report.arguments.map(one => /^[\w.\/=,:+-]+$/.test(one) ? one : JSON.stringify(one));
  $("command").textContent = ["cargo run --release -p latier-bench --", ...quoted].join(" ");
  for (const { name, version, about } of runtimes) {
    const row = element("tr", undefined, $("runtimes").tBodies[0]);
    const first = element("td", undefined, row);
    element("i", undefined, first).style.background = colour(name);
    first.append(name);
    element("td", version, row);
    element("td", about, row);
  }
  for (const one of skipped) element("li", "left out: " + one, $("left"));
  for (const one of failures) element("li", "failed: " + one, $("left"), "failed");
  for (const kind of data.kinds) kind.columns.forEach((name, at) => {
    const mean = kind.means[0][at];
    if (!mean || name === reference) return;
    const tile = element("div", undefined, $("tiles"), "tile");
    element("b", ratio(mean.value) + " ×", tile);
    const noise = name === AGAIN;
    element("span", (noise ? reference + " against itself" : name) + ", " + kind.name + ", CPU", tile);
    element("span", ratio(mean.low) + " to " + ratio(mean.high) + (same(mean) ? ": no difference" : ""), tile);
  });
}

function controls() {
  if (!data.kinds.length) return;
  $("bar").hidden = false;
  data.metrics.forEach((name, at) => {
    const button = element("button", name, $("metrics"));
    button.onclick = () => { metric = at; all(); };
  });
  for (const name of names) {
    if (name === reference) continue;
    const button = element("button", undefined, $("legend"));
    element("i", undefined, button).style.background = colour(name);
    button.append(name);
    button.onclick = () => { hidden.has(name) ? hidden.delete(name) : hidden.add(name); all(); };
  }
}

function pressed() {
  [...$("metrics").children].forEach((button, at) => button.setAttribute("aria-pressed", at === metric));
  const others = names.filter(name => name !== reference);
  [...$("legend").children].forEach((button, at) => button.setAttribute("aria-pressed", !hidden.has(others[at])));
}

// ---- bars --------------------------------------------------------------------------------------------------------------

// Powers of two and their thirds that fall between the ends.
function ticks(low, high) {
  const all = [1 / 256, 1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 64, 256, 1024, 4096];
  return all.filter(tick => tick >= low && tick <= high);
}
const tickText = tick => tick >= 1 ? String(tick) : "1/" + Math.round(1 / tick);

function bars(kind, parent) {
  const shown = kind.columns.map((name, at) => ({ name, at })).filter(c => c.name !== AGAIN && !hidden.has(c.name));
  const others = shown.filter(c => c.name !== reference);
  const again = kind.columns.indexOf(AGAIN), own = kind.columns.indexOf(reference);
  const groups = kind.workloads.map(workload => ({
    workload, rows: others.map(c => ({ ...c, median: workload.figures[metric][c.at][0], by: workload.figures[metric][c.at][1] }))
      .filter(row => row.median),
  })).filter(group => group.workload.figures[metric][own]?.[0] || group.rows.length);
  const noise = again < 0 ? [] : kind.workloads.map(w => w.figures[metric][again][1]).filter(Boolean);
  if (!groups.length) { element("p", "No such figure.", parent, "quiet"); return; }

  const known = groups.flatMap(group => group.rows.map(row => row.by)).filter(Boolean);
  let low = Math.min(0.5, ...known.map(e => e.low)), high = Math.max(2, ...known.map(e => e.high));
  low /= 1.15; high *= 1.15;
  const width = Math.max(parent.clientWidth, 560), left = 152, right = 128, top = 22, bar = 11, gap = 13;
  const x = r => left + (width - left - right) * Math.log(r / low) / Math.log(high / low);
  const height = top + groups.reduce((sum, group) => sum + Math.max(group.rows.length, 1) * bar + gap, 0);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": kind.about }, parent);
  if (noise.length) {
    const [from, to] = [Math.min(...noise.map(e => e.value)), Math.max(...noise.map(e => e.value))].map(r => x(Math.min(Math.max(r, low), high)));
    const band = draw("rect", { x: from, y: top - 6, width: Math.max(to - from, 1), height: height - top, fill: "var(--band)" }, svg);
    tell(band, "noise", [reference + " against itself: medians of all programs lie in this band"]);
  }
  for (const tick of ticks(low, high)) {
    draw("line", { x1: x(tick), x2: x(tick), y1: top - 6, y2: height - 6, class: tick === 1 ? "one" : "grid" }, svg);
    draw("text", { x: x(tick), y: 11, "text-anchor": "middle", class: "axis" }, svg, tickText(tick) + " ×");
  }
  let y = top;
  for (const { workload, rows } of groups) {
    const tall = Math.max(rows.length, 1) * bar, base = workload.figures[metric][own]?.[0];
    draw("text", { x: 0, y: y + 9, class: "name" }, svg, workload.name);
    if (base) draw("text", { x: left - 8, y: y + 9, "text-anchor": "end", class: "value" }, svg, written(metric, base.value));
    rows.forEach((row, n) => {
      const at = y + n * bar, middle = at + bar / 2 - 0.5;
      if (!row.by) return;
      const end = x(row.by.value), one = x(1);
      draw("rect", { x: Math.min(one, end), y: at, width: Math.max(Math.abs(end - one), 1.5), height: bar - 2, rx: 2, fill: colour(row.name),
        opacity: same(row.by) ? 0.45 : 1 }, svg);
      for (const [x1, x2, y1, y2] of [[x(row.by.low), x(row.by.high), middle, middle], [x(row.by.low), x(row.by.low), middle - 3, middle + 3],
        [x(row.by.high), x(row.by.high), middle - 3, middle + 3]]) draw("line", { x1, x2, y1, y2, class: "whisker" }, svg);
      draw("text", { x: Math.max(x(row.by.high), one) + 7, y: middle + 4, class: "value" }, svg,
        written(metric, row.median.value) + " · " + ratio(row.by.value) + " ×");
      const hit = draw("rect", { x: left, y: at - 1, width: width - left, height: bar, class: "hit" }, svg);
      tell(hit, workload.name + ", " + row.name, [
        data.metrics[metric] + " " + written(metric, row.median.value) + ", " + reference + " " + (base ? written(metric, base.value) : "–"),
        interval(row.by) + " × " + reference + (same(row.by) ? ": no difference" : "")]);
    });
    y += tall + gap;
  }
}

function means(kind, parent) {
  const table = element("table", undefined, parent);
  const top = element("tr", undefined, element("thead", undefined, table)), body = element("tbody", undefined, table);
  element("th", "geometric mean, × " + reference, top);
  for (const name of data.metrics) element("th", name, top, "n");
  kind.columns.forEach((name, at) => {
    if (name === reference) return;
    const row = element("tr", undefined, body);
    const first = element("td", undefined, row);
    if (name !== AGAIN) element("i", undefined, first).style.background = colour(name);
    first.append(name === AGAIN ? reference + " against itself (noise)" : name);
    data.metrics.forEach((_, m) => {
      const mean = kind.means[m][at];
      const verdict = !mean || same(mean) ? "n" : mean.value > 1 ? "n worse" : "n better";
      element("td", mean ? interval(mean) + (same(mean) ? " =" : "") : "–", row, verdict);
    });
  });
}

function figures(kind, parent) {
  const details = element("details", undefined, parent);
  element("summary", "All figures: " + data.metrics[metric], details);
  const table = element("table", undefined, details);
  const top = element("tr", undefined, element("thead", undefined, table)), body = element("tbody", undefined, table);
  element("th", "program", top);
  for (const name of kind.columns) element("th", name, top, "n");
  for (const workload of kind.workloads) {
    const row = element("tr", undefined, body);
    element("td", workload.name, row);
    workload.figures[metric].forEach(([median, by], at) => element("td", !median ? "–" : written(metric, median.value)
      + (by && kind.columns[at] !== reference ? " · " + interval(by) : ""), row, "n"));
  }
}

function kinds() {
  const open = [...$("kinds").querySelectorAll("details")].map(one => one.open);
  $("kinds").replaceChildren();
  data.kinds.forEach((kind, at) => {
    const card = element("section", undefined, $("kinds"), "card");
    element("h2", kind.about.charAt(0).toUpperCase() + kind.about.slice(1), card);
    element("p", data.metrics[metric] + ", × " + reference + " (whose median stands beside the program's name); longer to the right is more", card, "quiet");
    bars(kind, element("div", undefined, card, "chart"));
    means(kind, card);
    figures(kind, card);
    card.querySelector("details").open = open[at] ?? false;
  });
}

// ---- phases ------------------------------------------------------------------------------------------------------------

const PHASES = [["load", "c0"], ["instantiate", "c6"], ["validate", "c5"], ["compile", "c1"], ["link", "c4"], ["the program itself", "c2"]];

function parts({ time_us: t }) {
  const known = [t.load, t.instantiate, t.validate, t.compile_baseline, t.link];
  return [...known, Math.max(t.total - known.reduce((sum, one) => sum + one, 0), 0)];
}

function phases() {
  const starts = data.kinds.filter(kind => kind.name === "cold");
  const rows = starts.flatMap(kind => kind.workloads.flatMap(workload => workload.stats.map((stats, at) =>
    ({ stats, label: workload.name + (kind.columns[at] === "latier" ? "" : ", " + kind.columns[at].replace("latier-", "")) })))
    .filter(row => row.stats));
  $("phases").hidden = !rows.length;
  if (!rows.length) return;
  const legend = $("phases").querySelector(".legend"), parent = $("phases").querySelector(".chart");
  legend.replaceChildren();
  parent.replaceChildren();
  for (const [name, at] of PHASES) {
    const one = element("span", undefined, legend);
    element("i", undefined, one).style.background = "var(--" + at + ")";
    one.append(name);
  }
  const width = Math.max(parent.clientWidth, 560), left = 150, right = 210, tall = 24;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${rows.length * tall + 6}`, role: "img", "aria-label": "Phases of cold starts" }, parent);
  rows.forEach(({ label, stats }, n) => {
    const y = n * tall + 6, all = parts(stats), total = all.reduce((sum, one) => sum + one, 0);
    draw("text", { x: 0, y: y + 13, class: "name" }, svg, label);
    let x = left;
    all.forEach((us, part) => {
      const wide = (width - left - right) * us / total;
      const rect = draw("rect", { x, y, width: Math.max(wide - 1, 0.3), height: tall - 6, rx: 2, fill: "var(--" + PHASES[part][1] + ")" }, svg);
      tell(rect, label + ": " + PHASES[part][0], [time(us / 1e6) + ", " + (100 * us / total).toFixed(1) + " %"]);
      x += wide;
    });
    const functions = stats.functions.called === undefined ? "" : " · " + count(stats.functions.called) + " of " + count(stats.module.functions);
    draw("text", { x: width - right + 10, y: y + 13, class: "value" }, svg, time(stats.time_us.total / 1e6) + functions);
  });
}

// ---- curves ------------------------------------------------------------------------------------------------------------

function curve(grows, parent, axis) {
  const lines = data.curves.filter(one => one.grows === grows && !hidden.has(one.runtime));
  parent.replaceChildren();
  const at = point => grows === "size" ? point[0] : point[1];
  const points = lines.flatMap(line => line.points);
  if (!points.length) return;
  const values = points.flatMap(point => [point[3].low, point[3].high]).filter(value => value > 0);
  const [fromX, toX] = [Math.min(...points.map(at)), Math.max(...points.map(at))];
  const [fromY, toY] = [Math.min(...values) / 1.4, Math.max(...values) * 1.4];
  const width = Math.max(parent.clientWidth, 380), height = 300, left = 58, right = 96, top = 8, bottom = 34;
  const scale = (value, from, to) => to > from ? Math.log(value / from) / Math.log(to / from) : 0.5;
  const x = value => left + (width - left - right) * scale(value, fromX, toX);
  const y = value => height - bottom - (height - top - bottom) * scale(Math.max(value, fromY), fromY, toY);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": axis }, parent);
  for (let power = Math.floor(Math.log10(fromY)); power <= Math.log10(toY); power++) for (const digit of [1, 2, 5]) {
    const value = digit * 10 ** power;
    if (value < fromY || value > toY) continue;
    draw("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }, svg);
    draw("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end", class: "axis" }, svg, time(value));
  }
  for (let power = Math.ceil(Math.log10(fromX)); power <= Math.log10(toX); power++) {
    draw("line", { x1: x(10 ** power), x2: x(10 ** power), y1: top, y2: height - bottom, class: "grid" }, svg);
    draw("text", { x: x(10 ** power), y: height - bottom + 15, "text-anchor": "middle", class: "axis" }, svg, count(10 ** power));
  }
  draw("text", { x: (left + width - right) / 2, y: height - 3, "text-anchor": "middle", class: "axis" }, svg, axis);
  const ends = [];
  for (const line of lines) {
    const known = line.points.filter(point => point[3]);
    draw("polyline", { points: known.map(point => x(at(point)) + "," + y(point[3].value)).join(" "), fill: "none", stroke: colour(line.runtime),
      "stroke-width": 2.2, "stroke-linejoin": "round" }, svg);
    for (const point of known) {
      const [cx, cy] = [x(at(point)), y(point[3].value)];
      draw("line", { x1: cx, x2: cx, y1: y(point[3].low), y2: y(point[3].high), class: "whisker" }, svg);
      const dot = draw("circle", { cx, cy, r: 4, fill: colour(line.runtime), stroke: "var(--card)", "stroke-width": 1.5 }, svg);
      tell(dot, line.runtime, [count(point[0]) + " functions, " + size(point[2]) + ", " + count(point[1]) + " called",
        time(point[3].value) + " [" + time(point[3].low) + " .. " + time(point[3].high) + "]"]);
    }
    const last = known[known.length - 1];
    if (last) ends.push({ name: line.runtime, x: x(at(last)), y: y(last[3].value) });
  }
  // Names stand at the ends of lines, and not on each other.
  let above = -Infinity;
  for (const end of ends.sort((a, b) => a.y - b.y)) {
    above = Math.max(end.y, above + 14);
    draw("text", { x: end.x + 9, y: above + 4, fill: colour(end.name), style: "fill:" + colour(end.name) }, svg, end.name);
  }
}

function curves() {
  $("curves").hidden = !data.curves.length;
  if (!data.curves.length) return;
  const [size, called] = $("curves").querySelectorAll(".chart");
  curve("size", size, "functions in the module");
  curve("called", called, "functions called");
}

function all() {
  pressed();
  kinds();
  phases();
  curves();
}

head();
controls();
all();
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; all(); } });
