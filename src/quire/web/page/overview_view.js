// The first view: how much there is, where the memory is, and what to look at next.
import { memoryLabel, t, told } from "./words.js";
import { bytes, count, share } from "./units.js";
import { make } from "./dom.js";
import { link } from "./route.js";
import { heading, later } from "./parts.js";
import { isLiveLarge, stateOf } from "./heap_parts.js";

/** @typedef {import("./source.js").MemoryRow} MemoryRow */
/** @typedef {import("./source.js").PinsAnswer} PinsAnswer */
/** @typedef {import("./source.js").TypesAnswer} TypesAnswer */

const TYPES_SHOWN = 10;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function overviewView({ source, about }) {
  const title = t("overview.title");
  const pins = source.pins();
  const isWhole = about.memory.some((row) => row.end_bytes !== 0);
  const element = make(
    "div",
    { class: "view overview" },
    heading(title, [about.command, about.python ? `Python ${about.python}` : ""].filter(Boolean).join(" · ")),
    figures(about, pins),
    make("div", { class: "columns" },
      make("section", {}, make("h2", {}, t(isWhole ? "overview.memory" : "overview.heap_memory")),
        isWhole ? memory(about.memory) : later(source.heap(), (heap) => [memory(heapMemory(heap)), make("p", { class: "note" }, t("overview.no_memory"))]),
        make("h2", {}, t("overview.lies")), places(about.lies)),
      make("section", {}, make("h2", {}, t("overview.largest_types")), later(source.types(), largestTypes),
        make("h2", {}, t("overview.top_pin")), later(pins, topPin))),
  );
  return { element, title };
}

/** @param {import("./source.js").About} about @param {Promise<PinsAnswer>} pins */
function figures(about, pins) {
  const pinned = make("dd", {}, "…");
  pins.then((answer) => { pinned.textContent = bytes(answer.pinned_bytes); }).catch(() => { pinned.textContent = "–"; });
  return make("dl", { class: "figures" },
    make("div", {}, make("dd", {}, count(about.objects)), make("dt", {}, t("overview.objects"))),
    make("div", {}, make("dd", {}, bytes(about.size_bytes)), make("dt", {}, t("overview.live"))),
    make("div", {}, make("dd", {}, about.references === null ? "–" : count(about.references)), make("dt", {}, t("overview.references"))),
    make("div", {}, make("dd", {}, make("a", { href: link("map") }, count(about.pools))), make("dt", {}, t("overview.pools", { count: count(about.arenas), runs: count(about.runs), mappings: count(about.mappings) }))),
    make("div", {}, pinned, make("dt", {}, make("a", { href: link("pins") }, t("overview.pinned")))),
    make("div", {}, make("dd", {}, bytes(about.foreign_bytes)), make("dt", {}, t("overview.foreign", { count: count(about.foreign_blocks) }))));
}

/** Of the heap alone, where a snapshot tells no more. @param {import("./source.js").HeapColumns} heap @returns {MemoryRow[]} */
function heapMemory({ pools, large }) {
  const sums = { live: 0, beside: 0, empty: 0, meshed: 0, holes: 0 };
  for (let pool = 0; pool < pools.address.length; pool += 1) {
    const resident = pools.resident_bytes[pool] ?? 0;
    const state = stateOf(pools, pool);
    const live = Math.min((pools.live[pool] ?? 0) * (pools.block_bytes[pool] ?? 0), resident);
    if (state === "empty") sums.empty += resident;
    else if (state === "sealed" || state === "spent") sums.meshed += resident;
    else {
      sums.live += live;
      sums.beside += resident - live;
    }
  }
  for (let row = 0; row < large.address.length; row += 1) sums[isLiveLarge(large, row) ? "live" : "holes"] += large.resident_bytes[row] ?? 0;
  const row = (/** @type {string} */ label, /** @type {number} */ end_bytes) => ({ label, gloss: "", end_bytes, peak_bytes: 0 });
  return [row(t("heap.live"), sums.live), row(t("heap.beside"), sums.beside), row(t("heap.empty"), sums.empty), row(t("heap.meshed"), sums.meshed), row(t("heap.holes"), sums.holes)];
}

/** Each row begins where the one above it ends; together they are what is resident. @param {MemoryRow[]} rows */
export function memory(rows) {
  const there = rows.filter((row) => row.end_bytes !== 0);
  if (there.length === 0) return make("p", { class: "note" }, t("overview.no_memory"));
  const total = there.reduce((sum, row) => sum + row.end_bytes, 0);
  const largest = there.reduce(({ sum, most }, row) => ({ sum: sum + row.end_bytes, most: Math.max(most, sum + Math.max(row.end_bytes, 0)) }), { sum: 0, most: 1 }).most;
  let begin = 0;
  const bars = there.map((row) => {
    const from = Math.min(begin, begin + row.end_bytes);
    begin += row.end_bytes;
    const bar = make("span", { class: row.end_bytes < 0 ? "waterfall-bar below" : "waterfall-bar" });
    bar.style.setProperty("--from", `${(100 * from) / largest}%`);
    bar.style.setProperty("--size", `${(100 * Math.abs(row.end_bytes)) / largest}%`);
    return make("tr", {}, make("th", { scope: "row", title: row.gloss }, memoryLabel(row.label)),
      make("td", { class: "number" }, bytes(row.end_bytes)), make("td", { class: "number faint" }, share(row.end_bytes, total)),
      make("td", { class: "waterfall-cell", "aria-hidden": "true" }, bar));
  });
  const sum = make("tr", { class: "sum" }, make("th", { scope: "row" }, t("fact.resident")), make("td", { class: "number" }, bytes(total)), make("td", {}), make("td", {}));
  return make("table", { class: "waterfall" }, make("tbody", {}, bars, sum));
}

/** @param {TypesAnswer} answer */
function largestTypes(answer) {
  const rows = answer.rows.slice(0, TYPES_SHOWN);
  const largest = rows[0]?.size_bytes ?? 1;
  return [
    make("table", { class: "waterfall" }, make("tbody", {}, rows.map((row) => {
      const bar = make("span", { class: "waterfall-bar" });
      bar.style.setProperty("--from", "0%");
      bar.style.setProperty("--size", `${(100 * row.size_bytes) / largest}%`);
      return make("tr", {}, make("th", { scope: "row", class: "code" }, typeWords(row)), make("td", { class: "number" }, bytes(row.size_bytes)),
        make("td", { class: "number faint" }, share(row.size_bytes, answer.size_bytes)), make("td", { class: "waterfall-cell", "aria-hidden": "true" }, bar));
    }))),
    make("p", {}, make("a", { href: link("types") }, t("overview.all_types")), " · ", make("a", { href: link("retained") }, t("overview.open_retained"))),
  ];
}

/** Where objects lie. @param {import("./source.js").About["lies"]} rows */
function places(rows) {
  const largest = rows[0]?.size_bytes || 1;
  return make("table", { class: "waterfall" }, make("tbody", {}, rows.map((row) => {
    const bar = make("span", { class: "waterfall-bar" });
    bar.style.setProperty("--from", "0%");
    bar.style.setProperty("--size", `${(100 * row.size_bytes) / largest}%`);
    return make("tr", {}, make("th", { scope: "row" }, told("where", row.where)), make("td", { class: "number" }, bytes(row.size_bytes)),
      make("td", { class: "number faint" }, count(row.objects)), make("td", { class: "waterfall-cell", "aria-hidden": "true" }, bar));
  })));
}

/** @param {{ module: string, type: string }} row */
export function typeWords(row) {
  return row.module === "" || row.module === "builtins" ? row.type : `${row.module}.${row.type}`;
}

/** @param {PinsAnswer} answer */
function topPin(answer) {
  const [first] = answer.rows;
  if (first === undefined || answer.pinned_bytes === 0) return make("p", { class: "note" }, t("overview.none_pinned"));
  const kept = first.place === "" ? "" : t("overview.kept_by", { place: first.place });
  return [
    make("p", {}, t("overview.pinned_by", { size: bytes(first.pinned_bytes), blocks: count(first.blocks), type: first.type }), kept, "."),
    make("p", {}, make("a", { href: link("pins") }, t("overview.open_pins")), " · ", make("a", { href: link("map", { colour: "pin" }) }, t("overview.open_map"))),
  ];
}
