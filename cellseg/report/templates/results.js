"use strict";
const { images, measures } = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const make = (name, attributes = {}, text = "") => {
  const svg = ["svg", "g", "rect", "line", "text", "title"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
};
const short = (value) => Number(value.toPrecision(4)).toLocaleString("en-GB").replaceAll(",", "\u202f");
const total = (counts) => counts.reduce((sum, count) => sum + count, 0);

// Histograms: bars of all cells, and with a chosen image shares of both.
function span(measure, bin) {
  const low = short(measure.start + bin * measure.width), high = short(measure.start + (bin + 1) * measure.width);
  if (bin === 0 && measure.below) return `below ${high}`;
  return bin === measure.counts.length - 1 && measure.above ? `${low} or more` : `${low} to ${high}`;
}

function chart(measure, index, image) {
  const figure = make("figure", { class: "chart" });
  const own = image && image.counts.length ? image.counts[index] : null;
  const caption = make("figcaption");
  caption.append(make("b", {}, `${measure.title}, ${measure.unit}. `));
  figure.append(caption);
  if (!measure.counts) {
    caption.append("There are no cells.");
    return figure;
  }
  caption.append(make("span", { class: "key all" }), `all cells, median ${short(measure.median)}`);
  if (image) {
    caption.append(" \u00a0 ", make("span", { class: "key one" }));
    caption.append(own ? `this image, median ${short(image.medians[index])}` : "this image has no cells");
  }
  const wide = Math.max(at("charts").clientWidth > 820 ? at("charts").clientWidth / 2 - 24 : at("charts").clientWidth, 240);
  const [high, left, right, top, bottom] = [230, 46, 10, 10, 26];
  const svg = make("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": caption.textContent });
  const sums = [total(measure.counts), own ? total(own) : 1];
  const values = own ? measure.counts.map((count) => (100 * count) / sums[0]) : measure.counts;
  const most = Math.max(...values, ...(own || []).map((count) => (100 * count) / sums[1]));
  const y = (value) => high - bottom - (value / most) * (high - top - bottom);
  const step = (wide - left - right) / values.length;
  for (let line = ticks(0, most, 5, own ? 0 : 1), i = 0; i < line.length; i++) {
    svg.append(make("line", { x1: left, x2: wide - right, y1: y(line[i]), y2: y(line[i]) }));
    svg.append(make("text", { x: left - 6, y: y(line[i]) + 4, "text-anchor": "end" }, short(line[i]) + (own ? "%" : "")));
  }
  const bar = (kind, bin, value, inset, text) => {
    const size = { x: left + bin * step + inset, width: Math.max(step - 2 * inset, 0.5), y: y(value), height: y(0) - y(value) };
    const rect = make("rect", { class: kind, ...size });
    rect.append(make("title", {}, `${span(measure, bin)}: ${text}`));
    svg.append(rect);
  };
  values.forEach((value, bin) => bar("all", bin, value, 0.5, `${short(measure.counts[bin])} of all cells`));
  if (own) own.forEach((count, bin) => bar("one", bin, (100 * count) / sums[1], step / 4, `${short(count)} in this image`));
  const end = measure.start + measure.width * values.length;
  for (const value of ticks(measure.start, end, wide / 90)) {
    const x = left + ((value - measure.start) / measure.width) * step;
    svg.append(make("text", { x, y: high - 8, "text-anchor": x > wide - 30 ? "end" : "middle" }, short(value)));
  }
  figure.append(svg);
  return figure;
}

function ticks(low, high, about, least = 0) {
  const rough = Math.max((high - low) / about, least), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) found.push(i * step);
  return found;
}

function draw() {
  const image = at("chosen").value === "" ? null : images[Number(at("chosen").value)];
  at("charts").replaceChildren(...measures.map((measure, index) => chart(measure, index, image)));
}

images.forEach((image, number) => at("chosen").append(make("option", { value: number }, image.name)));
at("chosen").closest("p").hidden = false;
at("chosen").addEventListener("change", draw);
let drawn = 0;
new ResizeObserver(() => {
  if (at("charts").clientWidth !== drawn) draw();
  drawn = at("charts").clientWidth;
}).observe(at("charts"));

// The table: a click on a title sorts by it.
const collator = new Intl.Collator("en", { numeric: true });
document.querySelectorAll("#rows thead th").forEach((head, column) => {
  const button = make("button", { type: "button" }, head.textContent);
  head.replaceChildren(button);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    document.querySelectorAll("#rows [aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = at("rows").tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[column].dataset.value, row]);
    const order = ([a], [b]) => (a === "") - (b === "") || (a === "" ? 0 : (down ? -1 : 1) * collator.compare(a, b));
    const numbers = rows.every(([value]) => value === "" || !Number.isNaN(Number(value)));
    const byNumber = ([a], [b]) => (a === "") - (b === "") || (down ? b - a : a - b);
    body.append(...rows.sort(numbers ? byNumber : order).map(([, row]) => row));
  });
});

// Only the images whose names hold what is typed.
at("find").hidden = false;
at("find").addEventListener("input", () => {
  const wanted = at("find").value.trim().toLowerCase();
  let any = false;
  for (const one of document.querySelectorAll("[data-name]")) {
    one.hidden = !one.dataset.name.includes(wanted);
    any ||= !one.hidden;
  }
  for (const id of ["look", "images"]) if (at(id)) at(id).hidden = !at(id).querySelector(".card:not([hidden])");
  at("none").hidden = any;
});

// An overlay in full size.
let shown = -1;
function plane() {
  const file = images[shown].overlays[Math.max(at("plane").selectedIndex, 0)];
  at("lost").hidden = file !== "";
  at("overlay").hidden = at("file").hidden = file === "";
  at("overlay").src = at("file").href = file;
  at("overlay").alt = `Outlines of the cells in ${images[shown].name}`;
}

function show(number) {
  shown = number;
  const image = images[number];
  at("view-name").textContent = image.name;
  at("plane").replaceChildren(...image.planes.map(([label, count]) => make("option", {}, `${label}: ${count} cells`)));
  at("view-planes").hidden = image.planes.length === 0;
  const card = document.querySelector(`.card[data-number="${number}"]`);
  at("view-facts").replaceChildren(...[...card.querySelectorAll(".facts, .note")].map((one) => one.cloneNode(true)));
  plane();
  if (!at("view").open) at("view").showModal();
}

function go(by) {
  const open = [...document.querySelectorAll(".card:not([hidden]) .open")].map((one) => Number(one.closest(".card").dataset.number));
  show(open[(open.indexOf(shown) + by + open.length) % open.length]);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.open");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(Number(link.closest("[data-number]").dataset.number));
});
function size() {
  const actual = document.querySelector(".picture").classList.toggle("actual");
  at("actual").setAttribute("aria-pressed", actual);
}
at("plane").addEventListener("change", plane);
at("previous").addEventListener("click", () => go(-1));
at("next").addEventListener("click", () => go(1));
at("close").addEventListener("click", () => at("view").close());
at("actual").addEventListener("click", size);
at("overlay").addEventListener("click", size);
at("overlay").addEventListener("error", () => {
  at("overlay").hidden = true;
  at("lost").hidden = false;
});
at("distribution").addEventListener("click", () => {
  at("chosen").value = String(shown);
  draw();
  at("view").close();
  at("cells").scrollIntoView();
});
at("view").addEventListener("click", (event) => event.target === at("view") && at("view").close());
at("view").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by && event.target.id !== "plane" && !at("view").querySelector(".picture.actual")) go(by);
});
