// Memory over time of a live process: lines that grow, once a second.
import { t } from "./words.js";
import { bytes, seconds } from "./units.js";
import { fill, make, makeSvg } from "./dom.js";
import { failed, factList, heading } from "./parts.js";

/** @typedef {import("./source.js").SampleRow} SampleRow */

const WIDTH = 1200;
const HEIGHT = 380;
const LEFT = 72;
const BOTTOM = 26;
const TOP = 10;
const LINES = 4;
const POINTS_MAX = 900;
const EVERY_MS = 1000;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function timeView({ source, about }) {
  const title = t("time.title");
  const live = about.live;
  const chart = make("div", { class: "chart" }, make("p", { class: "loading" }, t("time.wait")));
  const numbers = make("div", { class: "chart-numbers" });
  const status = make("p", { class: "note", role: "status" });
  const take = make("button", { type: "button", class: "button", click: () => takeAnother(source, status, take) }, t("time.take"));
  const element = make("div", { class: "view" }, heading(title, t("time.lead", { pid: live?.pid ?? 0 })), numbers, chart, make("p", {}, take), status);
  const watch = new Watch(source, chart, numbers, status);
  watch.run();
  return { element, title, stop: () => { watch.isStopped = true; }, recolour: () => {} };
}

/** @param {import("./source.js").Source} source @param {HTMLElement} status @param {HTMLButtonElement} button */
async function takeAnother(source, status, button) {
  button.disabled = true;
  status.textContent = t("time.taking");
  try {
    await source.take();
    location.reload();
  } catch (error) {
    fill(status, failed(error));
    button.disabled = false;
  }
}

class Watch {
  /** @param {import("./source.js").Source} source @param {HTMLElement} chart @param {HTMLElement} numbers @param {HTMLElement} status */
  constructor(source, chart, numbers, status) {
    this.source = source;
    this.chart = chart;
    this.numbers = numbers;
    this.status = status;
    /** @type {SampleRow[]} */
    this.rows = [];
    this.isStopped = false;
  }

  async run() {
    while (!this.isStopped) {
      try {
        const answer = await this.source.samples((this.rows.at(-1)?.number ?? -1) + 1);
        this.rows.push(...answer.rows);
        if (this.isStopped) return;
        if (answer.rows.length > 0) this.draw();
        if (answer.has_ended) {
          this.status.textContent = t("time.ended");
          return;
        }
      } catch (error) {
        fill(this.status, failed(error));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  draw() {
    const last = /** @type {SampleRow} */ (this.rows.at(-1));
    const pss = this.rows.findLast((row) => row.pss_bytes !== null)?.pss_bytes ?? null;
    const highest = this.rows.reduce((most, row) => Math.max(most, row.rss_bytes), 0);
    const facts = /** @type {[string, string][]} */ ([
      [t("time.rss"), bytes(last.rss_bytes)],
      ...(pss === null ? [] : [[t("time.pss"), bytes(pss)]]),
      ...(last.swap_bytes > 0 ? [[t("time.swap"), bytes(last.swap_bytes)]] : []),
      [t("time.highest"), bytes(highest)],
    ]);
    fill(this.numbers, factList(facts));
    fill(this.chart, drawing(thinned(this.rows), highest, t("time.chart", { now: bytes(last.rss_bytes), highest: bytes(highest) })), legend(pss !== null));
  }
}

/** As many as can be told apart. @param {SampleRow[]} rows */
function thinned(rows) {
  const step = Math.ceil(rows.length / POINTS_MAX);
  return step <= 1 ? rows : rows.filter((_, index) => index % step === 0 || index === rows.length - 1);
}

/** @param {boolean} hasPss */
function legend(hasPss) {
  const mark = (/** @type {string} */ name, /** @type {string} */ words) => make("span", { class: "legend-mark" }, make("span", { class: `line-mark ${name}`, "aria-hidden": "true" }), words);
  return make("div", { class: "legend" }, mark("rss", t("time.rss")), hasPss ? mark("pss", t("time.pss")) : null);
}

/** @param {SampleRow[]} rows @param {number} highest @param {string} words */
function drawing(rows, highest, words) {
  const first = rows[0]?.seconds ?? 0;
  const span = Math.max((rows.at(-1)?.seconds ?? 0) - first, 10);
  const most = roundUp(highest * 1.05);
  const x = (/** @type {number} */ at) => LEFT + ((at - first) / span) * (WIDTH - LEFT - 8);
  const y = (/** @type {number} */ value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const grid = Array.from({ length: LINES + 1 }, (_, index) => (most * index) / LINES);
  return makeSvg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    grid.flatMap((value) => [
      makeSvg("line", { class: "grid", x1: LEFT, x2: WIDTH - 8, y1: y(value), y2: y(value) }),
      makeSvg("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, bytes(value)),
    ]),
    makeSvg("text", { class: "tick", x: LEFT, y: HEIGHT - 6 }, t("time.ago", { time: seconds((rows.at(-1)?.seconds ?? 0) - first) })),
    makeSvg("text", { class: "tick", x: WIDTH - 8, y: HEIGHT - 6, "text-anchor": "end" }, t("time.now")),
    line(rows, (row) => row.pss_bytes, x, y, "pss"),
    line(rows, (row) => row.rss_bytes, x, y, "rss"));
}

/**
 * @param {SampleRow[]} rows
 * @param {(row: SampleRow) => number | null} value
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 * @param {string} name
 */
function line(rows, value, x, y, name) {
  const points = rows.filter((row) => value(row) !== null).map((row) => `${x(row.seconds).toFixed(1)},${y(value(row) ?? 0).toFixed(1)}`);
  return makeSvg("polyline", { class: `line ${name}`, points: points.join(" ") });
}

/** To a number that divides well. @param {number} value */
function roundUp(value) {
  const step = 2 ** Math.max(Math.floor(Math.log2(Math.max(value, 1))) - 2, 0);
  return Math.ceil(value / step) * step;
}
