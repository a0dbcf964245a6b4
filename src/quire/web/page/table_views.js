// Views that are tables: types, pins, and the difference of two snapshots.
import { t } from "./words.js";
import { bytes, change, count, share } from "./units.js";
import { fill, make } from "./dom.js";
import { link, remember } from "./route.js";
import { choice, heading, later, whyNotRetained } from "./parts.js";
import { table } from "./table.js";
import { typeWords } from "./overview_view.js";

/** @typedef {import("./source.js").TypeRow} TypeRow */
/** @typedef {import("./source.js").PinRow} PinRow */
/** @typedef {import("./source.js").ArenaRow} ArenaRow */
/** @typedef {import("./source.js").DifferenceRow} DifferenceRow */
/** @typedef {import("./source.js").TypesAnswer} TypesAnswer */

// --- types -------------------------------------------------------------------------------------------------------

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function typesView({ source, about, options }) {
  const title = t("types.title");
  const why = whyNotRetained(about);
  const lead = why === null ? t("types.lead") : `${t("types.lead")} ${why}`;
  return { title, element: make("div", { class: "view" }, heading(title, lead), later(source.types(), (answer) => typesTable(answer, options, source.canAsk))) };
}

/** @param {TypesAnswer} answer @param {URLSearchParams} options @param {boolean} canAsk */
function typesTable(answer, options, canAsk) {
  const state = { isByModule: options.get("by") === "module", wanted: options.get("filter") ?? "" };
  const place = make("div", {});
  const draw = () => {
    const all = state.isByModule ? answer.modules : answer.rows;
    const wanted = state.wanted.toLowerCase();
    const rows = all.filter((row) => wordsOf(row, state.isByModule).toLowerCase().includes(wanted));
    const cut = answer.row_count - answer.rows.length;
    const rest = cut > 0 && !state.isByModule ? t("table.rest", { count: count(cut), command: "types" }) : "";
    fill(place, table({ label: t("types.title"), columns: typeColumns(answer, state.isByModule, canAsk), rows, sortBy: 2, rest }));
  };
  const choices = /** @type {[string, string][]} */ ([["type", t("types.by_type")], ["module", t("types.by_module")]]);
  const by = choice(t("types.by"), choices, state.isByModule ? "module" : "type", (value) => {
    state.isByModule = value === "module";
    remember({ by: value });
    draw();
  });
  const filter = make("input", { type: "search", value: state.wanted, autocomplete: "off", spellcheck: "false", input: (/** @type {Event} */ event) => {
    state.wanted = /** @type {HTMLInputElement} */ (event.target).value;
    remember({ filter: state.wanted });
    draw();
  } });
  draw();
  return [make("div", { class: "bar-row" }, by, make("label", { class: "field" }, make("span", {}, t("types.filter")), filter)), place];
}

/** @param {TypeRow} row @param {boolean} isByModule */
function wordsOf(row, isByModule) {
  return isByModule ? row.module || "–" : typeWords(row);
}

/** @param {TypesAnswer} answer @param {boolean} isByModule @param {boolean} canAsk @returns {import("./table.js").TableColumn<TypeRow>[]} */
function typeColumns(answer, isByModule, canAsk) {
  const canOpen = canAsk && !isByModule;
  return [
    {
      title: t(isByModule ? "types.module" : "types.type"), className: "code", value: (row) => wordsOf(row, isByModule),
      cell: (row) => (canOpen ? make("a", { href: link("object", { at: `${typeWords(row)}#1` }) }, typeWords(row)) : wordsOf(row, isByModule)),
    },
    { title: t("types.count"), value: (row) => row.count, cell: (row) => count(row.count) },
    { title: t("types.size"), value: (row) => row.size_bytes, cell: (row) => bytes(row.size_bytes), isBar: true },
    { title: t("types.share"), value: (row) => row.size_bytes / answer.size_bytes, cell: (row) => share(row.size_bytes, answer.size_bytes), className: "faint" },
    { title: t("types.retained"), value: (row) => row.retained_bytes, cell: (row) => (row.retained_bytes === null ? "–" : bytes(row.retained_bytes)), isBar: true },
  ];
}

// --- pins --------------------------------------------------------------------------------------------------------

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function pinsView({ source }) {
  const title = t("pins.title");
  return { title, element: make("div", { class: "view" }, heading(title, t("pins.lead")), later(source.pins(), pinTables)) };
}

/** @param {import("./source.js").PinsAnswer} answer */
function pinTables(answer) {
  const sum = { pinned: bytes(answer.pinned_bytes), pools: count(answer.pools), sealed: count(answer.sealed_pools) };
  return [
    make("p", { class: "sum-line" }, t("pins.sum", sum)),
    make("h2", {}, t("pins.rows")),
    table({ label: t("pins.rows"), columns: pinColumns(), rows: answer.rows, sortBy: 5 }),
    make("h2", {}, t("pins.arenas")),
    table({ label: t("pins.arenas"), columns: arenaColumns(), rows: answer.arenas, sortBy: 4 }),
  ];
}

/** @returns {import("./table.js").TableColumn<PinRow>[]} */
function pinColumns() {
  return [
    { title: t("pins.type"), className: "code", value: (row) => row.type },
    { title: t("pins.place"), className: "code place", value: (row) => row.place },
    { title: t("pins.blocks"), value: (row) => row.blocks, cell: (row) => count(row.blocks) },
    { title: t("pins.in_arenas"), value: (row) => row.arenas, cell: (row) => count(row.arenas) },
    { title: t("pins.live"), value: (row) => row.live_bytes, cell: (row) => bytes(row.live_bytes) },
    { title: t("pins.pinned"), value: (row) => row.pinned_bytes, cell: (row) => bytes(row.pinned_bytes), isBar: true },
  ];
}

/** @returns {import("./table.js").TableColumn<ArenaRow>[]} */
function arenaColumns() {
  return [
    { title: t("pins.arena"), className: "code", value: (row) => row.address, cell: (row) => make("a", { href: link("map", { colour: "pin", at: `a:${row.address}` }) }, row.address) },
    { title: t("pins.pools"), value: (row) => row.pools, cell: (row) => count(row.pools) },
    { title: t("pins.live"), value: (row) => row.live_bytes, cell: (row) => bytes(row.live_bytes) },
    { title: t("pins.resident"), value: (row) => row.resident_bytes, cell: (row) => bytes(row.resident_bytes) },
    { title: t("pins.pinned"), value: (row) => row.pinned_bytes, cell: (row) => bytes(row.pinned_bytes), isBar: true },
    { title: t("pins.mostly"), className: "code place", value: (row) => `${row.type}${row.place ? ` · ${row.place}` : ""}` },
  ];
}

// --- the difference ----------------------------------------------------------------------------------------------

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function differenceView({ source, about }) {
  const title = t("difference.title");
  if (about.compared_with === null) {
    return { title, element: make("div", { class: "view" }, heading(title, t("difference.none"))) };
  }
  const lead = t("difference.lead", { before: about.compared_with, after: about.title });
  return { title, element: make("div", { class: "view" }, heading(title, lead), later(source.difference(), differenceTable)) };
}

/** @param {DifferenceRow} row */
function changeOf(row) {
  return row.came_bytes - row.went_bytes + row.grew_bytes;
}

/** @param {import("./source.js").DifferenceAnswer} answer */
function differenceTable(answer) {
  const sum = {
    before: count(answer.objects_before), after: count(answer.objects_after), before_bytes: bytes(answer.before_bytes),
    after_bytes: bytes(answer.after_bytes), change: change(answer.after_bytes - answer.before_bytes),
  };
  const cut = answer.row_count - answer.rows.length;
  const rest = cut > 0 ? t("table.rest", { count: count(cut), command: "diff" }) : "";
  return [
    make("p", { class: "sum-line" }, t("difference.sum", sum)),
    table({ label: t("difference.title"), columns: differenceColumns(), rows: answer.rows, rest }),
  ];
}

/** @returns {import("./table.js").TableColumn<DifferenceRow>[]} */
function differenceColumns() {
  const several = (/** @type {number} */ number, /** @type {number} */ size, /** @type {string} */ sign) =>
    number === 0 ? "–" : [make("span", {}, `${sign}${bytes(Math.abs(size))}`), " ", make("span", { class: "faint" }, `(${count(number)})`)];
  const cellOf = (/** @type {number} */ number, /** @type {number} */ size, /** @type {string} */ sign) => {
    const found = several(number, size, sign);
    return typeof found === "string" ? found : make("span", {}, ...found);
  };
  return [
    { title: t("pins.type"), className: "code", value: (row) => row.type },
    { title: t("pins.place"), className: "code place", value: (row) => row.place },
    { title: t("difference.came"), value: (row) => row.came_bytes, cell: (row) => cellOf(row.came, row.came_bytes, "+") },
    { title: t("difference.went"), value: (row) => row.went_bytes, cell: (row) => cellOf(row.went, row.went_bytes, "−") },
    { title: t("difference.grew"), value: (row) => row.grew_bytes, cell: (row) => cellOf(row.grew, row.grew_bytes, row.grew_bytes < 0 ? "−" : "+") },
    { title: t("difference.change"), value: changeOf, cell: (row) => change(changeOf(row)), isBar: true },
  ];
}
