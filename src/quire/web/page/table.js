// A table that sorts: names to the left, numbers to the right with a bar beneath. On a narrow screen a row is a card, and what
// is shown as a block is no table to a browser any more; hence the roles.
import { t } from "./words.js";
import { count } from "./units.js";
import { fill, make } from "./dom.js";

/**
 * @template Row
 * @typedef {object} TableColumn
 * @property {string} title
 * @property {(row: Row) => string | number | null} value what it is sorted by; a number stands to the right
 * @property {(row: Row) => import("./dom.js").Child} [cell] how it is shown; the value if not given
 * @property {boolean} [isBar] draw its share of the largest
 * @property {string} [className]
 */

const ROWS_AT_ONCE = 60;

/**
 * @template Row
 * @param {{ label: string, columns: TableColumn<Row>[], rows: Row[], sortBy?: number, rest?: string }} told
 *   `sortBy` counts columns from 0, the largest first; `rest` is a sentence beneath, of rows that are not there
 * @returns {HTMLElement}
 */
export function table({ label, columns, rows, sortBy, rest }) {
  const state = { sortBy: sortBy ?? -1, isDescending: true, shown: ROWS_AT_ONCE };
  const head = make("tr", { role: "row" });
  const body = make("tbody", { role: "rowgroup" });
  const more = make("button", { type: "button", class: "quiet more", click: () => draw(Infinity) });
  const note = make("p", { class: "note" }, rest ?? "");
  const element = make(
    "div",
    { class: "table-frame" },
    make("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": label },
      make("table", { role: "table" }, make("caption", { class: "hidden" }, label), make("thead", { role: "rowgroup" }, head), body)),
    more,
    rest ? note : null,
  );

  /** @param {number} index */
  function sort(index) {
    const isText = rows.length > 0 && typeof columns[index]?.value(/** @type {Row} */ (rows[0])) === "string";
    state.isDescending = state.sortBy === index ? !state.isDescending : !isText;
    state.sortBy = index;
    draw(state.shown);
  }

  function drawHead() {
    fill(head, columns.map((column, index) => {
      const isSorted = state.sortBy === index;
      const mark = isSorted ? (state.isDescending ? "↓" : "↑") : "";
      const button = make("button", { type: "button", title: t("table.sort", { column: column.title }), click: () => sort(index) },
        column.title, make("span", { class: "sort-mark", "aria-hidden": "true" }, mark));
      const order = isSorted ? (state.isDescending ? "descending" : "ascending") : null;
      return make("th", { scope: "col", role: "columnheader", "aria-sort": order, class: classOf(column, rows[0]) }, button);
    }));
  }

  /** @param {number} shown */
  function draw(shown) {
    const focused = [...head.querySelectorAll("button")].findIndex((each) => each === document.activeElement);
    state.shown = shown;
    drawHead();
    const ordered = sorted(rows, columns[state.sortBy], state.isDescending);
    const largest = columns.map((column) => (column.isBar ? largestOf(rows, column) : 0));
    fill(body, ordered.slice(0, shown).map((row) => rowElement(row, columns, largest)));
    more.hidden = rows.length <= shown;
    more.textContent = t("table.more", { count: count(rows.length - Math.min(shown, rows.length)) });
    if (focused >= 0) head.querySelectorAll("button")[focused]?.focus();
  }

  draw(ROWS_AT_ONCE);
  return element;
}

/**
 * @template Row
 * @param {Row} row
 * @param {TableColumn<Row>[]} columns
 * @param {number[]} largest
 */
function rowElement(row, columns, largest) {
  return make("tr", { role: "row" }, columns.map((column, index) => {
    const content = column.cell ? column.cell(row) : column.value(row);
    const isFirst = index === 0;
    const cell = make(isFirst ? "th" : "td", {
      scope: isFirst ? "row" : null, role: isFirst ? "rowheader" : "cell", class: classOf(column, row), "data-title": column.title,
    }, content ?? "–");
    const value = column.value(row);
    if (column.isBar && typeof value === "number" && (largest[index] ?? 0) > 0) {
      cell.style.setProperty("--share", `${(100 * Math.abs(value)) / (largest[index] ?? 1)}%`);
      cell.classList.add("bar");
      if (value < 0) cell.classList.add("below");
    }
    return cell;
  }));
}

/**
 * @template Row
 * @param {TableColumn<Row>} column
 * @param {Row | undefined} row
 */
function classOf(column, row) {
  const isNumber = row !== undefined && typeof column.value(row) !== "string";
  return [isNumber ? "number" : "name", column.className ?? ""].join(" ").trim();
}

/**
 * @template Row
 * @param {Row[]} rows
 * @param {TableColumn<Row> | undefined} column
 * @param {boolean} isDescending
 */
function sorted(rows, column, isDescending) {
  if (column === undefined) return rows;
  const sign = isDescending ? -1 : 1;
  return [...rows].sort((a, b) => sign * compared(column.value(a), column.value(b)));
}

/** @param {string | number | null} a @param {string | number | null} b */
function compared(a, b) {
  if (typeof a === "string" && typeof b === "string") return a.localeCompare(b);
  return Number(a ?? -1) - Number(b ?? -1);
}

/**
 * @template Row
 * @param {Row[]} rows
 * @param {TableColumn<Row>} column
 */
function largestOf(rows, column) {
  return rows.reduce((most, row) => Math.max(most, Math.abs(Number(column.value(row) ?? 0))), 0);
}
