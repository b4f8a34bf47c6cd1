// The picture of a timeline: threads, functions over time, marks. It knows of the data what this page's writer put
// there, and loads nothing.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const element = (tag, text, parent, name) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  if (parent) parent.append(made);
  return made;
};

// ---- the data, by function -------------------------------------------------------------------------------------------

// Kinds of events that the chart draws in other ways than as marks; and what the marks of the others mean.
const PLAIN = new Set(["created", "first call", "compiled", "redirected"]);
const MEANINGS = { hot: "queued", entered: "osr", "not hotter": "refused", refused: "refused", failed: "failed" };
const functions = new Map(), compiles = [], marks = [], calls = [];
const names = new Map(data.names.map(([module, index, name]) => [module + ":" + index, name]));
const several = data.modules.length > 1;

function functionOf(module, index) {
  const key = module + ":" + index;
  let it = functions.get(key);
  if (!it) {
    const name = names.get(key) || "";
    const label = (several ? "m" + module + ":" : "") + "f" + index;
    it = { module, index, name, label, title: name ? label + " " + name : label, steps: [], events: [], called: null };
    it.sought = (it.title + " m" + module + ":f" + index).toLowerCase();
    functions.set(key, it);
  }
  return it;
}

for (const [at, kindNumber, thread, module, index, offset, tier, cost, text] of data.events) {
  if (index === null) continue;
  const kind = data.kinds[kindNumber], place = offset === null ? "" : "at 0x" + offset.toString(16);
  const of = functionOf(module, index);
  const event = { at, start: at, kind, thread, of, place, tier: tier === null ? null : data.tiers[tier], cost, text };
  if (cost) event.start = at - cost[0] - cost[1] - cost[2];
  of.events.push(event);
  if (kind === "compiled") compiles.push(event);
  else if (kind === "redirected") of.steps.push(event);
  else if (kind === "first call") { of.called = event; calls.push(event); }
  else if (!PLAIN.has(kind)) marks.push(event);
}
// Rows from top to bottom in the order in which functions were first heard of.
const all = [...functions.values()];
const end = Math.max(data.total_us, ...data.events.slice(-1).map(event => event[0]), 1);

// ---- words -----------------------------------------------------------------------------------------------------------

const time = us => us >= 1e6 ? (us / 1e6).toFixed(us >= 1e7 ? 1 : 2) + " s"
  : us >= 1e3 ? (us / 1e3).toFixed(us >= 1e5 ? 0 : us >= 1e4 ? 1 : 2) + " ms" : us.toFixed(us >= 100 ? 0 : 1) + " µs";
const size = bytes => bytes >= 1 << 20 ? (bytes / (1 << 20)).toFixed(1) + " MiB"
  : bytes >= 1 << 10 ? (bytes / (1 << 10)).toFixed(1) + " KiB" : bytes + " B";
const count = n => n.toLocaleString("en");
const price = cost => cost[0] + cost[1] + cost[2];
const sum = (list, of) => list.reduce((total, one) => total + of(one), 0);

function summary() {
  const file = data.program.replace(/.*\/(?=.)/, "");
  document.title = file + " – latier timeline";
  $("program").textContent = file;
  $("arguments").textContent = data.arguments.map(one => /^[\w.\/=,:+-]+$/.test(one) ? one : JSON.stringify(one)).join(" ");
  const made = data.modules.map((text, n) => (several ? "m" + n + ": " : "") + text).join(" · ");
  $("about").textContent = "latier " + data.version + ", mode " + data.mode + " · " + time(data.total_us) + " · " + made;
  const tile = (value, label, colour) => {
    const box = element("div", undefined, $("tiles"), "tile");
    element("b", value, box);
    const line = element("span", undefined, box);
    if (colour) element("i", undefined, line).style.background = "var(--" + colour + ")";
    line.append(label);
  };
  if (!data.eager) tile(count(calls.length), "functions called, of " + count(data.functions));
  for (const tier of data.tiers) {
    const own = compiles.filter(event => event.tier === tier);
    if (own.length) tile(count(own.length), tier + ", compiled in " + time(sum(own, event => event.cost[1])), tier);
  }
  const [validate, link] = [0, 2].map(part => time(sum(compiles, event => event.cost[part])));
  tile(time(sum(compiles, event => price(event.cost))), "validate " + validate + ", compile, link " + link);
  tile(size(sum(compiles, event => event.cost[4])), "of native code, from " + size(sum(compiles, event => event.cost[3]))
    + " of Wasm");
  const costs = compiles.map(event => price(event.cost)).sort((a, b) => a - b);
  if (costs.length) tile(time(costs[costs.length >> 1]), "is the median compile; the slowest " + time(costs[costs.length - 1]));
  const ups = all.filter(of => of.steps.length > 1).length;
  if (ups) tile(count(ups), "functions tiered up");
  for (const kind of new Set(marks.map(event => event.kind)))
    tile(count(marks.filter(event => event.kind === kind).length), kind, colourOf(kind));
}

// ---- tables ----------------------------------------------------------------------------------------------------------

const DEAREST = 30, EXAMPLES = 8;

function row(table, cells, of) {
  const line = element("tr", undefined, table.tBodies[0]);
  cells.forEach(([text, name]) => element("td", text, line, name));
  if (!of) return;
  line.tabIndex = 0;
  line.onclick = () => { choose(of, true); $("chart").scrollIntoView({ block: "center" }); };
  line.onkeydown = event => event.key === "Enter" && line.onclick();
}

function tables() {
  const dearest = [...compiles].sort((a, b) => price(b.cost) - price(a.cost)).slice(0, DEAREST);
  for (const { of, place, tier, thread, at, cost } of dearest)
    row($("dearest"), [[of.title + (place && " " + place), "name"], [tier], [data.threads[thread], "short"], [time(at), "n"], [time(price(cost)), "n"],
      ...cost.slice(0, 3).map(part => [time(part), "n"]), [size(cost[3]), "n"], [size(cost[4]), "n"]], of);
  const reasons = new Map();
  for (const event of marks.filter(event => ["refused", "failed"].includes(colourOf(event.kind)))) {
    const key = event.kind + "\n" + event.text;
    if (!reasons.has(key)) reasons.set(key, []);
    reasons.get(key).push(event);
  }
  const most = [...reasons.values()].sort((a, b) => b.length - a.length).slice(0, DEAREST);
  $("reasons").hidden = most.length === 0;
  for (const list of most) {
    const which = list.slice(0, EXAMPLES).map(event => event.of.title).join(", ");
    const more = list.length > EXAMPLES ? ", …" : "";
    row($("reasons").querySelector("table"), [[list[0].kind + (list[0].tier ? " " + list[0].tier : "")],
      [list[0].text, "why"], [count(list.length), "n"], [which + more, "name"]], list[0].of);
  }
}

// ---- what is shown ---------------------------------------------------------------------------------------------------

const view = { from: 0, to: end, sought: "", chosen: null, hidden: new Set(), hover: null };
let rows = [], colours = {}, pending = false;

// The colour of a kind of mark, by its role in the style sheet.
function colourOf(kind) {
  return MEANINGS[kind] || "other";
}

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const role of ["card", "line", "text", "quiet", "grid", "baseline", "fast", "optimized", "validate", "first", "queued",
    "osr", "refused", "failed", "other", "chosen", "hover", "brush"]) colours[role] = style.getPropertyValue("--" + role).trim();
}

const matches = of => !view.sought || of.sought.includes(view.sought);
const inView = of => of.events.some(event => event.at >= view.from && event.start <= view.to);

// Of a part of the run, only functions to which something happens in it have rows.
function arrange() {
  const part = view.from > 0 || view.to < end;
  const found = all.filter(matches);
  rows = part ? found.filter(of => of === view.chosen || inView(of)) : found;
  rows.forEach((of, n) => of.row = n);
  $("count").textContent = count(rows.length) + " of " + count(all.length) + " functions";
}

function show(from, to) {
  const least = Math.min(5, end), span = Math.min(Math.max(to - from, least), end);
  view.from = Math.min(Math.max(from, 0), end - span);
  view.to = view.from + span;
  arrange();
  redraw();
}

function zoom(factor, around = (view.from + view.to) / 2) {
  show(around - (around - view.from) * factor, around + (view.to - around) * factor);
}

function choose(of, visit) {
  view.chosen = of;
  if (of && visit) {
    const first = of.events[0].start, last = of.events[of.events.length - 1].at;
    const margin = Math.max((last - first) * .5, 50);
    show(first - margin, last + margin);
  } else arrange();
  details();
  redraw();
}

function details() {
  const of = view.chosen, box = $("details");
  box.hidden = !of;
  box.replaceChildren();
  if (!of) return;
  element("h2", of.title, box);
  const table = element("table", undefined, box);
  element("tbody", undefined, table);
  for (const event of of.events)
    row(table, [[time(event.at), "n"], [event.kind, "short"], [event.place, "short"], [event.tier || ""], [data.threads[event.thread], "short"], [saying(event), "why"]]);
}

// What is to be said of an event beside its kind and tier.
function saying({ cost, text }) {
  if (!cost) return text;
  const [validate, compile, link] = cost.map(time);
  return `${time(price(cost))}: validate ${validate}, compile ${compile}, link ${link}; `
    + `${size(cost[3])} of Wasm became ${size(cost[4])}`;
}

// ---- the chart -------------------------------------------------------------------------------------------------------

// Pixels; and how many marks are so many that they are drawn smaller.
const LANE = 22, AXIS = 24, GAP = 10, MARK = 4.5, CROWD = 300;
const chart = $("chart"), overview = $("overview");
// Where things are; asked for once a frame, for the browser answers slowly.
const plot = { left: 0, top: AXIS + data.threads.length * LANE + GAP, width: 0, height: 0 };
function measure() {
  plot.left = chart.clientWidth < 700 ? 84 : 190;
  plot.width = chart.clientWidth - plot.left;
  plot.height = Math.max(320, Math.min(620, window.innerHeight - 420));
}
const x = at => plot.left + (at - view.from) / (view.to - view.from) * plot.width;
const atX = px => view.from + (px - plot.left) / plot.width * (view.to - view.from);
const rowHeight = () => Math.min(20, plot.height / Math.max(rows.length, 1));

function surface(canvas, height) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth;
  canvas.style.height = height + "px";
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  pen.textBaseline = "middle";
  return pen;
}

function redraw() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; measure(); drawOverview(); draw(); });
}

// Distances that people count in: 1, 2 or 5 times a power of ten.
function tickOf(span, most) {
  const raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find(step => step * power >= raw);
}

function draw() {
  const height = plot.top + plot.height, width = plot.left + plot.width, pen = surface(chart, height);
  drawAxis(pen, width, height);
  pen.save();
  pen.beginPath();
  pen.rect(plot.left, AXIS, plot.width, height);
  pen.clip();
  drawLanes(pen);
  drawFunctions(pen, width);
  drawMarks(pen);
  pen.restore();
  drawLabels(pen, width);
}

function drawAxis(pen, width, height) {
  const step = tickOf(view.to - view.from, Math.max(2, plot.width / 110));
  pen.textAlign = "center";
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    pen.fillStyle = colours.grid;
    pen.fillRect(Math.round(x(at)), AXIS, 1, height - AXIS);
    pen.fillStyle = colours.quiet;
    pen.fillText(tickText(at, step), Math.min(x(at), width - 24), AXIS / 2);
  }
}

function tickText(at, step) {
  const [unit, name] = step >= 1e5 ? [1e6, "s"] : step >= 100 ? [1e3, "ms"] : [1, "µs"];
  return (at / unit).toFixed(Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9))) + " " + name;
}

const seen = list => list.filter(event => event.at >= view.from && event.start <= view.to);

// Says of each place whether it is a new one: what falls on a pixel that has its kind of thing is not drawn again.
function freshness() {
  const met = new Set();
  return (px, py, kind) => {
    const before = met.size;
    return met.add((Math.round(px) * 8192 + Math.round(py)) * 16 + kind).size > before;
  };
}

function drawLanes(pen) {
  const fresh = freshness();
  for (const event of seen(compiles)) {
    if (view.hidden.has(event.tier)) continue;
    const left = x(event.start), wide = x(event.at) - left, top = AXIS + event.thread * LANE + 3;
    const faint = !matches(event.of) || view.chosen && view.chosen !== event.of;
    if (wide < 1 && !fresh(left, event.thread, faint ? 1 : 0)) continue;
    pen.globalAlpha = faint ? .3 : 1;
    const edge = x(event.start + event.cost[0]);
    pen.fillStyle = colours[event.tier];
    pen.fillRect(left, top, Math.max(wide, .7), LANE - 6);
    if (edge - left > 1) {
      pen.fillStyle = colours.validate;
      pen.fillRect(left, top, edge - left, LANE - 6);
    }
  }
  pen.globalAlpha = 1;
}

// A function's row: its compiles, and from each redirect on the colour of the tier that it runs in. Of rows thinner than
// a pixel, one of each pixel's is drawn, but every compile.
function drawFunctions(pen, width) {
  const each = rowHeight(), thick = Math.max(each > 6 ? each - 3 : each, 1), fresh = freshness();
  let lower = -1;
  for (const of of rows) {
    const y = plot.top + of.row * each + (each - thick) / 2;
    if (of === view.chosen) {
      pen.fillStyle = colours.chosen;
      pen.fillRect(plot.left, y - 2, width, thick + 4);
    } else if (of === view.hover) {
      pen.fillStyle = colours.hover;
      pen.fillRect(plot.left, y - 1, width, thick + 2);
    }
    if (each >= 1 || Math.round(y) > lower) drawSteps(pen, of, each < 1 ? Math.round(y) : y, thick);
    lower = Math.round(y);
    for (const event of of.events) {
      if (!event.cost || view.hidden.has(event.tier) || event.at < view.from || event.start > view.to) continue;
      const left = x(event.start), wide = x(event.at) - left;
      if (wide < 1 && !fresh(left, y, data.tiers.indexOf(event.tier))) continue;
      pen.fillStyle = colours[event.tier];
      pen.fillRect(left, y, Math.max(wide, 1.2), thick);
    }
  }
}

function drawSteps(pen, of, y, thick) {
  of.steps.forEach((step, n) => {
    if (view.hidden.has(step.tier)) return;
    // What tiered up stands out.
    pen.globalAlpha = n === 0 ? .42 : .85;
    const left = Math.max(x(step.at), plot.left), right = x(n + 1 < of.steps.length ? of.steps[n + 1].at : end);
    pen.fillStyle = colours[step.tier];
    if (right > left) pen.fillRect(left, y, right - left, thick);
  });
  pen.globalAlpha = 1;
}

function drawMarks(pen) {
  const each = rowHeight(), middle = of => plot.top + (of.row + .5) * each, fresh = freshness();
  const here = of => rows[of.row] === of;
  if (!view.hidden.has("first call")) {
    pen.fillStyle = colours.first;
    const tall = Math.max(Math.min(each, 12), 1.5);
    for (const { at, of } of seen(calls))
      if (here(of) && fresh(x(at), middle(of), 0)) pen.fillRect(x(at) - 1.5, middle(of) - tall / 2, 1.5, tall);
  }
  const shown = seen(marks).filter(event => !view.hidden.has(event.kind) && here(event.of));
  const r = shown.length > CROWD ? MARK / 2 : MARK;
  for (const { kind, at, of } of shown)
    if (fresh(x(at) / r, middle(of) / r, 1 + data.kinds.indexOf(kind))) shape(pen, kind, x(at), middle(of), r);
}

function shape(pen, kind, cx, cy, r) {
  const role = colourOf(kind);
  pen.fillStyle = pen.strokeStyle = colours[role];
  pen.lineWidth = r < MARK ? 1 : 1.6;
  pen.beginPath();
  if (role === "queued") { pen.moveTo(cx, cy - r); pen.lineTo(cx + r, cy); pen.lineTo(cx, cy + r); pen.lineTo(cx - r, cy); pen.closePath(); pen.stroke(); }
  else if (role === "osr") { pen.moveTo(cx, cy - r); pen.lineTo(cx + r, cy + r); pen.lineTo(cx - r, cy + r); pen.closePath(); pen.fill(); }
  else if (role === "refused" || role === "failed") {
    pen.moveTo(cx - r, cy - r); pen.lineTo(cx + r, cy + r); pen.moveTo(cx + r, cy - r); pen.lineTo(cx - r, cy + r); pen.stroke();
  } else { pen.arc(cx, cy, r - 1, 0, 7); pen.fill(); }
}

function drawLabels(pen, width) {
  const room = plot.left - 10, each = rowHeight();
  if (!rows.length) {
    pen.fillStyle = colours.quiet;
    pen.textAlign = "center";
    pen.fillText("nothing happens to a function here", (plot.left + width) / 2, plot.top + 40);
  }
  pen.textAlign = "left";
  data.threads.forEach((name, n) => {
    pen.fillStyle = colours.text;
    pen.fillText(fitted(pen, name, room), 0, AXIS + (n + .5) * LANE);
    pen.fillStyle = colours.line;
    pen.fillRect(0, AXIS + (n + 1) * LANE, width, 1);
  });
  if (each < 11) {
    pen.fillStyle = colours.quiet;
    pen.fillText(fitted(pen, "functions, by first call", room), 0, plot.top + 8);
    return;
  }
  for (const of of rows) {
    pen.fillStyle = of === view.chosen ? colours.text : colours.quiet;
    pen.fillText(fitted(pen, of.title, room), 0, plot.top + (of.row + .5) * each);
  }
}

function fitted(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let length = Math.min(text.length, Math.ceil(room / 4));
  while (length > 1 && pen.measureText(text.slice(0, length) + "…").width > room) length--;
  return text.slice(0, length) + "…";
}

// ---- the overview: how much was compiled when, by tier; and the part that is shown ---------------------------------

let binned = null;
function bins(width) {
  if (binned && binned.width === width) return binned;
  const n = Math.max(1, Math.floor(width / 2)), tiers = data.tiers.map(() => new Float64Array(n));
  for (const event of compiles) {
    const tier = tiers[data.tiers.indexOf(event.tier)];
    // A compile fills the bins that it spans, each by its share.
    const [from, to] = [event.start, event.at].map(at => Math.min(Math.max(at / end * n, 0), n - 1e-9));
    for (let bin = Math.floor(from); bin <= Math.floor(to); bin++)
      tier[bin] += Math.max(Math.min(to, bin + 1) - Math.max(from, bin), 0);
  }
  return binned = { width, n, tiers };
}

function drawOverview() {
  const height = 54, pen = surface(overview, height), left = plot.left, width = plot.width;
  const { n, tiers } = bins(width), lanes = Math.max(data.threads.length, 1);
  pen.fillStyle = colours.grid;
  pen.fillRect(left, 0, width, height);
  for (let bin = 0; bin < n; bin++) {
    let y = height;
    tiers.forEach((tier, t) => {
      if (!tier[bin]) return;
      const tall = Math.max(tier[bin] / lanes * (height - 6), 1.5);
      pen.fillStyle = colours[data.tiers[t]];
      pen.fillRect(left + bin * width / n, y -= tall, Math.max(width / n - .3, 1), tall);
    });
  }
  if (view.from > 0 || view.to < end) {
    const [from, to] = [view.from, view.to].map(at => left + at / end * width);
    pen.fillStyle = colours.brush;
    pen.fillRect(from, 0, to - from, height);
    pen.fillStyle = colours.text;
    pen.fillRect(from, 0, 1.5, height);
    pen.fillRect(to - 1.5, 0, 1.5, height);
  }
  pen.fillStyle = colours.quiet;
  pen.textAlign = "left";
  pen.fillText(fitted(pen, "compiling, whole run", left - 10), 0, height / 2);
}

// ---- hands -----------------------------------------------------------------------------------------------------------

function under(px, py) {
  if (px < 0) return {};
  const at = atX(px), near = 4 / plot.width * (view.to - view.from);
  const nearest = list => list.filter(event => event.at >= at - near && event.start <= at + near)
    .sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))[0];
  if (py < plot.top - GAP) {
    const thread = Math.floor((py - AXIS) / LANE);
    const event = nearest(compiles.filter(event => event.thread === thread && !view.hidden.has(event.tier)));
    return event ? { of: event.of, event } : {};
  }
  const of = rows[Math.floor((py - plot.top) / rowHeight())];
  return of ? { of, event: px > plot.left ? nearest(of.events) : undefined, at } : {};
}

function tip(mouse) {
  const box = chart.getBoundingClientRect(), found = under(mouse.clientX - box.left, mouse.clientY - box.top);
  if (view.hover !== (found.of || null)) { view.hover = found.of || null; redraw(); }
  const tip = $("tip");
  tip.hidden = !found.of;
  if (!found.of) return;
  tip.replaceChildren();
  element("b", found.of.title, tip);
  const say = text => element("div", text, tip);
  if (found.event) {
    const { kind, place, tier, thread, at } = found.event, words = saying(found.event);
    say([kind, place, tier].filter(Boolean).join(" ") + " at " + time(at) + ", " + data.threads[thread]);
    if (words) say(words);
  } else {
    if (found.of.called) say("first call at " + time(found.of.called.at));
    const step = found.of.steps.filter(step => step.at <= found.at).pop();
    say(step ? "runs in " + step.tier + " since " + time(step.at) : "has no code yet");
  }
  const { innerWidth: w, innerHeight: h } = window, place = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(mouse.clientX + 14, w - place.width - 8)) + "px";
  tip.style.top = (mouse.clientY + 18 + place.height > h ? mouse.clientY - place.height - 12 : mouse.clientY + 18) + "px";
}

function drags() {
  let drag = null;
  chart.onpointerdown = mouse => {
    drag = { x: mouse.clientX, y: mouse.clientY, from: view.from, to: view.to, moved: false };
    chart.setPointerCapture(mouse.pointerId);
  };
  chart.onpointermove = mouse => {
    if (!drag) return tip(mouse);
    const by = (drag.x - mouse.clientX) / plot.width * (drag.to - drag.from);
    drag.moved ||= Math.abs(drag.x - mouse.clientX) > 3;
    if (drag.moved) { $("tip").hidden = true; show(drag.from + by, drag.to + by); }
  };
  chart.onpointerup = mouse => {
    const box = chart.getBoundingClientRect();
    if (drag && !drag.moved) choose(under(mouse.clientX - box.left, mouse.clientY - box.top).of || null);
    drag = null;
  };
  chart.onpointercancel = () => drag = null;
  chart.onpointerleave = () => { $("tip").hidden = true; view.hover = null; redraw(); };
  chart.addEventListener("wheel", wheel => {
    wheel.preventDefault();
    const span = view.to - view.from, side = wheel.shiftKey ? wheel.deltaY || wheel.deltaX : wheel.deltaX;
    if (Math.abs(side) > Math.abs(wheel.deltaY) || wheel.shiftKey) show(view.from + side / 800 * span, view.to + side / 800 * span);
    else zoom(1.0016 ** wheel.deltaY, atX(wheel.clientX - chart.getBoundingClientRect().left));
  }, { passive: false });
  let start = null;
  const at = mouse => (mouse.clientX - overview.getBoundingClientRect().left - plot.left) / plot.width * end;
  overview.onpointerdown = mouse => { start = at(mouse); overview.setPointerCapture(mouse.pointerId); };
  overview.onpointermove = mouse => {
    if (start !== null && Math.abs(at(mouse) - start) > end / 200) show(Math.min(start, at(mouse)), Math.max(start, at(mouse)));
  };
  overview.onpointerup = mouse => {
    const half = (view.to - view.from) / 2;
    if (start !== null && Math.abs(at(mouse) - start) <= end / 200) show(at(mouse) - half, at(mouse) + half);
    start = null;
  };
}

function keys(key) {
  const step = (view.to - view.from) / 8;
  const next = by => {
    const now = view.chosen && rows[view.chosen.row] === view.chosen ? view.chosen.row + by : by > 0 ? 0 : rows.length - 1;
    if (rows.length) choose(rows[Math.min(Math.max(now, 0), rows.length - 1)]);
  };
  const does = {
    ArrowLeft: () => show(view.from - step, view.to - step), ArrowRight: () => show(view.from + step, view.to + step),
    ArrowUp: () => next(-1), ArrowDown: () => next(1), "+": () => zoom(.6), "=": () => zoom(.6), "-": () => zoom(1 / .6),
    Enter: () => choose(view.chosen, true), 0: () => show(0, end), Home: () => show(0, end), Escape: () => choose(null),
  }[key.key];
  if (!does || key.ctrlKey || key.metaKey || key.altKey) return;
  key.preventDefault();
  does();
}

function legend() {
  const kinds = [...new Set(marks.map(event => event.kind))];
  const tiers = data.tiers.filter(tier => compiles.some(event => event.tier === tier));
  for (const one of [...tiers, ...calls.length ? ["first call"] : [], ...kinds]) {
    const button = element("button", undefined, $("legend"));
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    const canvas = element("canvas", undefined, button);
    button.append(one);
    button.onclick = () => {
      const off = view.hidden.delete(one) || !view.hidden.add(one);
      button.setAttribute("aria-pressed", String(off));
      redraw();
    };
    button.draw = () => {
      const pen = surface(canvas, 11);
      if (kinds.includes(one)) return shape(pen, one, 5.5, 5.5, MARK);
      pen.fillStyle = colours[one === "first call" ? "first" : one];
      one === "first call" ? pen.fillRect(4.5, 0, 2, 11) : pen.fillRect(0, 0, 11, 11);
    };
  }
}

function repaint() {
  readColours();
  for (const button of $("legend").children) button.draw();
  redraw();
}

summary();
tables();
legend();
drags();
arrange();
chart.setAttribute("aria-label", count(all.length) + " functions over " + time(end));
chart.onkeydown = keys;
$("whole").onclick = () => show(0, end);
$("search").oninput = () => { view.sought = $("search").value.trim().toLowerCase(); arrange(); redraw(); };
$("search").onkeydown = key => {
  if (key.key === "Enter" && rows.length) choose(rows[0], true);
  if (key.key === "Escape") { $("search").value = ""; $("search").oninput(); chart.focus(); }
};
document.addEventListener("keydown", key => {
  if (key.key === "/" && document.activeElement !== $("search")) { key.preventDefault(); $("search").focus(); }
});
window.addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
repaint();
