// Pieces that several views are made of.
import { t } from "./words.js";
import { fill, make } from "./dom.js";
import { link } from "./route.js";
import { Refused } from "./source.js";

/** @typedef {import("./source.js").Source} Source */
/** @typedef {import("./source.js").About} About */
/** @typedef {{ source: Source, about: About, options: URLSearchParams }} Context what a view is made with */
/** @typedef {{ element: HTMLElement, title: string, stop?: () => void, recolour?: () => void }} View */

/**
 * A view's title, and what it is about.
 * @param {string} title
 * @param {string} lead
 * @param {...import("./dom.js").Child} more
 */
export function heading(title, lead, ...more) {
  return make("header", { class: "view-head" }, make("h1", { tabindex: -1 }, title), lead === "" ? null : make("p", { class: "lead" }, lead), ...more);
}

/**
 * A part of a view that is computed meanwhile.
 * @template Answer
 * @param {Promise<Answer>} promise
 * @param {(answer: Answer) => import("./dom.js").Child | import("./dom.js").Child[]} draw
 */
export function later(promise, draw) {
  const element = make("div", { class: "later", "aria-busy": "true" }, make("p", { class: "loading" }, t("state.loading")));
  promise.then((answer) => fill(element, draw(answer))).catch((error) => fill(element, failed(error))).finally(() => element.removeAttribute("aria-busy"));
  return element;
}

/** @param {unknown} error */
export function failed(error) {
  if (!(error instanceof Refused)) console.error(error);
  return make("p", { class: "failed", role: "alert" }, t("state.failed", { why: error instanceof Error ? error.message : String(error) }));
}

/**
 * Names and values.
 * @param {[string, import("./dom.js").Child][]} rows
 */
export function factList(rows) {
  return make("dl", { class: "facts" }, rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

/**
 * One of a few: a group of radio buttons.
 * @param {string} label
 * @param {[string, string][]} choices values and words
 * @param {string} chosen
 * @param {(value: string) => void} choose
 */
export function choice(label, choices, chosen, choose) {
  const name = `choice-${(choiceCount += 1)}`;
  return make("fieldset", { class: "choice" }, make("legend", {}, label), choices.map(([value, words]) =>
    make("label", {}, make("input", { type: "radio", name, value, checked: value === chosen, change: () => choose(value) }), make("span", {}, words))));
}

let choiceCount = 0;

/**
 * A link to an object, by its type.
 * @param {{ address: string, type: string }} row
 */
export function objectLink(row) {
  return make("a", { href: link("object", { at: row.address }), class: "object-link" }, row.type, " ", make("span", { class: "address" }, row.address));
}

/** What cannot be told of this snapshot; null: everything. @param {About} about */
export function whyNotRetained(about) {
  if (about.retained === "known") return null;
  return t(about.retained === "no_core" ? "state.no_core" : "state.no_references");
}
