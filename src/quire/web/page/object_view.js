// One object: what it is, why it lives, who refers to it and to whom it does.
import { t, told } from "./words.js";
import { bytes, count } from "./units.js";
import { make } from "./dom.js";
import { link } from "./route.js";
import { factList, heading, later, objectLink, whyNotRetained } from "./parts.js";
import { table } from "./table.js";

/** @typedef {import("./source.js").ObjectAnswer} ObjectAnswer */
/** @typedef {import("./source.js").ReferenceRow} ReferenceRow */
/** @typedef {import("./source.js").RetainedAnswer} RetainedAnswer */
/** @typedef {{ address: string, type: string, label: string, retained: number, own: number }} LargeRow */

const LARGEST_SHOWN = 100;
const UNTYPED_ROW = 0xffffffff;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function objectView({ source, about, options }) {
  const at = options.get("at") ?? "";
  const title = at === "" ? t("object.title") : `${t("object.title")} ${at}`;
  const body = at === "" ? null : later(source.object(at), (answer) =>
    answer === null ? notInFile(at, about.objects_told ?? 0) : objectParts(answer));
  const element = make("div", { class: "view object" },
    heading(t("object.title"), at === "" && source.canAsk ? t("object.example") : ""),
    source.canAsk ? askForm(at) : null, body, at === "" ? largest(source, about) : null);
  return { element, title };
}

/** @param {string} at */
function askForm(at) {
  const input = make("input", { type: "text", name: "at", value: at, autocomplete: "off", spellcheck: "false", placeholder: t("object.example") });
  return make("form", { class: "ask", submit: (/** @type {Event} */ event) => {
    event.preventDefault();
    location.hash = link("object", { at: input.value.trim() });
  } }, make("label", { class: "field" }, make("span", {}, t("object.ask")), input), make("button", { type: "submit", class: "button" }, t("object.go")));
}

/** @param {string} address @param {number} there */
function notInFile(address, there) {
  return make("p", { class: "note", role: "status" }, t("object.not_in_file", { address, count: count(there) }));
}

// --- where to begin ----------------------------------------------------------------------------------------------

/** @param {import("./source.js").Source} source @param {import("./source.js").About} about */
function largest(source, about) {
  const why = whyNotRetained(about);
  if (why !== null) return make("p", { class: "note" }, why);
  return make("section", {}, make("h2", {}, t("object.largest")), later(source.retained(null), (answer) => {
    const rows = largeRows(answer, about.types);
    return table({ label: t("object.largest"), sortBy: 2, rows, columns: [
      { title: t("fact.what"), className: "code", value: (row) => row.type, cell: (row) => objectLink(row) },
      { title: t("object.held"), className: "code place", value: (row) => row.label },
      { title: t("fact.retained"), value: (row) => row.retained, cell: (row) => bytes(row.retained), isBar: true },
      { title: t("fact.own"), value: (row) => row.own, cell: (row) => bytes(row.own) },
    ] });
  }));
}

/** @param {RetainedAnswer} answer @param {string[]} types @returns {LargeRow[]} */
function largeRows(answer, types) {
  /** @type {LargeRow[]} */
  const rows = [];
  for (let row = 1; row < answer.kind.length && rows.length < LARGEST_SHOWN; row += 1) {
    const type = answer.type[row] ?? UNTYPED_ROW;
    if (answer.kind[row] !== 0 || type === UNTYPED_ROW) continue;
    rows.push({ address: answer.address[row] ?? "", type: types[type] ?? "", label: answer.label[row] ?? "", retained: answer.retained_bytes[row] ?? 0, own: answer.own_bytes[row] ?? 0 });
  }
  return rows;
}

// --- the object --------------------------------------------------------------------------------------------------

/** @param {ObjectAnswer} one */
function objectParts(one) {
  return [
    make("header", { class: "view-head" }, make("h2", { class: "code object-head" }, one.type), make("p", { class: "lead code" }, one.address)),
    make("div", { class: "columns" },
      make("section", {}, factList(facts(one)), links(one)),
      make("section", {}, make("h2", {}, t("object.way")), way(one))),
    dominators(one),
    make("div", { class: "columns" },
      references(t("object.referrers"), one.referrers, one.referrer_count),
      references(t("object.references"), one.references, one.reference_count)),
  ];
}

/** @param {ObjectAnswer} one @returns {[string, import("./dom.js").Child][]} */
function facts(one) {
  /** @type {[string, import("./dom.js").Child][]} */
  const rows = [
    [t("fact.size"), bytes(one.size_bytes)],
    [t("fact.own"), bytes(one.own_bytes)],
    [t("fact.count"), one.count === null ? t("fact.immortal") : count(one.count)],
    [t("fact.where"), told("where", one.where)],
    [t("fact.known"), told("known", one.known)],
  ];
  if (one.retained !== null) rows.unshift([t("fact.retained"), bytes(one.retained.retained_bytes)], [t("fact.objects"), count(one.retained.objects)]);
  return rows;
}

/** @param {ObjectAnswer} one */
function links(one) {
  return make("p", { class: "buttons" },
    one.pool === null ? null : make("a", { class: "button", href: link("map", { at: `p:${one.pool}`, colour: "type" }) }, t("object.in_map")),
    one.retained === null ? null : make("a", { class: "button", href: link("retained", { at: one.address }) }, t("object.in_tree")));
}

/** @param {ObjectAnswer} one */
function way(one) {
  if (one.steps.length === 0) return make("p", { class: "note" }, t("object.no_way"));
  const half = one.steps_left_out > 0 ? Math.ceil(one.steps.length / 2) : one.steps.length;
  const steps = one.steps.map((step, index) => make("li", {},
    make("span", { class: "where code" }, step.where),
    index === 0 ? make("span", { class: "kind" }, told("object.root", one.root)) : null,
    step.address === one.address ? make("strong", { class: "code" }, step.type) : objectLink(step)));
  if (one.steps_left_out > 0) steps.splice(half, 0, make("li", { class: "left-out" }, t("object.left_out", { count: count(one.steps_left_out) })));
  return make("div", {}, make("p", { class: "way code" }, one.way), make("ol", { class: "steps" }, steps));
}

/** @param {ObjectAnswer} one */
function dominators(one) {
  if (one.retained === null) return null;
  const above = one.retained.dominators;
  const content = above.length === 0
    ? make("p", { class: "note" }, t("object.only_roots"))
    : make("ol", { class: "chain" }, above.map((each) => make("li", {}, objectLink(each))));
  return make("section", {}, make("h2", {}, t("object.dominators")), content);
}

/** @param {string} title @param {ReferenceRow[]} rows @param {number} there */
function references(title, rows, there) {
  const shown = make("span", { class: "faint" }, t("object.of", { shown: count(rows.length), all: count(there) }));
  const body = rows.length === 0
    ? make("p", { class: "note" }, t("state.none"))
    : table({ label: title, rows, columns: [
        { title: t("fact.what"), className: "code", value: (row) => row.type, cell: (row) => objectLink(row) },
        { title: t("object.held"), className: "code place", value: (row) => row.where || row.held },
        { title: t("fact.size"), value: (row) => row.size_bytes, cell: (row) => bytes(row.size_bytes) },
      ] });
  return make("section", {}, make("h2", {}, title, " ", shown), body);
}
