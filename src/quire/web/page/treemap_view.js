// A view that is a picture of nested rectangles: with a legend, and what is known of the box that is chosen.
import { t } from "./words.js";
import { fill, make } from "./dom.js";
import { link, remember } from "./route.js";
import { factList, heading, later } from "./parts.js";
import { Treemap, swatch } from "./treemap.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./dom.js").Child} Child */
/**
 * @typedef {object} Facts what a scene tells beside what the widget asks of it
 * @property {(box: Box) => [string, Child][]} facts
 * @property {(box: Box) => boolean} isObject
 */

const CRUMBS_MAX = 7;

/**
 * A picture of what an answer has.
 * @template Answer
 * @param {string} title
 * @param {string} lead
 * @param {Promise<Answer>} answer
 * @param {(answer: Answer) => TreemapView<any> | null} draw null: there is nothing
 * @returns {import("./parts.js").View}
 */
export function treemapView(title, lead, answer, draw) {
  /** @type {TreemapView<any> | null} */
  let view = null;
  const frame = later(answer, (found) => {
    view = draw(found);
    return view === null ? make("p", { class: "note" }, t("map.empty")) : view.element;
  });
  return {
    element: make("div", { class: "view wide" }, heading(title, lead), frame),
    title,
    stop: () => view?.widget.stop(),
    recolour: () => view?.recolour(),
  };
}

/**
 * Its parts. What is derived from it puts them together, draws the legend and shows what is chosen at first.
 * @template {import("./treemap.js").Scene & Facts} SomeScene
 */
export class TreemapView {
  /**
   * @param {SomeScene} scene
   * @param {import("./parts.js").Context} context
   * @param {string} label
   */
  constructor(scene, { source, about, options }, label) {
    this.scene = scene;
    this.source = source;
    this.about = about;
    this.legend = make("div", { class: "legend", role: "group", "aria-label": t("legend.label") });
    this.panel = make("aside", { class: "panel", "aria-label": t("map.chosen") });
    this.element = make("div", { class: "map" });
    this.widget = new Treemap(scene, {
      label,
      help: t("map.help"),
      onSelect: (box) => this.onSelect(box),
      onEnter: (box) => this.onEnter(box),
      onOpen: (box) => this.openObject(box),
    });
    this.widget.onLaidOut = (key) => this.goTo(key === "" ? options.get("at") ?? "" : key);
  }

  // --- for what is derived ---

  /** @param {string} _key from a link; "" for none */
  goTo(_key) {}

  /** @param {Box} _box */
  onEnter(_box) {}

  /** By what its object is asked for. @param {Box} box */
  addressOf(box) {
    return box.key;
  }

  /** @param {Box} box */
  canOpen(box) {
    return this.scene.isObject(box);
  }

  /** @param {Box} box */
  crumb(box) {
    return this.scene.title(box);
  }

  /** Beneath the facts. @param {Box} _box @returns {Child} */
  more(_box) {
    return null;
  }

  drawLegend() {}

  // --- what all do ---

  /** @param {Child} bar @param {...Child} notes */
  compose(bar, ...notes) {
    fill(this.element,
      make("div", { class: "map-bar" }, bar, this.legend),
      make("div", { class: "map-body" }, this.widget.element, this.panel),
      make("p", { class: "note keys" }, t("map.keys"), ...notes));
    this.drawLegend();
    this.showChosen(this.scene.root);
  }

  /** @param {Box} box */
  onSelect(box) {
    remember({ at: box.key || null });
    this.showChosen(box);
  }

  recolour() {
    this.scene.recolour();
    this.drawLegend();
    this.widget.invalidate();
  }

  /** @param {Box} box */
  openObject(box) {
    if (this.canOpen(box)) location.hash = this.linkTo(box);
  }

  /** @param {Box} box */
  linkTo(box) {
    return link("object", { at: this.addressOf(box) });
  }

  /** @param {Box} box */
  showChosen(box) {
    fill(this.panel,
      make("nav", { class: "crumbs", "aria-label": t("map.way") }, this.crumbs(box)),
      factList(this.scene.facts(box)),
      this.canOpen(box) ? make("a", { class: "button", href: this.linkTo(box) }, t("fact.open")) : null,
      this.more(box));
  }

  /** The way to a box, from outside. @param {Box} box */
  crumbs(box) {
    /** @type {Box[]} */
    const way = [];
    for (let each = /** @type {Box | null} */ (box); each !== null; each = each.parent) way.unshift(each);
    const shown = way.length > CRUMBS_MAX ? [...way.slice(0, 2), null, ...way.slice(-4)] : way;
    return make("ol", {}, shown.map((each) => {
      if (each === null) return make("li", { "aria-hidden": "true" }, "…");
      if (each === box) return make("li", {}, make("span", { "aria-current": "location" }, this.crumb(each)));
      return make("li", {}, make("button", { type: "button", class: "link", click: () => this.widget.enter(each) }, this.crumb(each)));
    }));
  }
}

/** What colours mean. @param {[number, string][]} marks */
export function legendMarks(marks) {
  return marks.map(([colour, words]) => make("span", { class: "legend-mark" }, swatch(colour), words));
}
