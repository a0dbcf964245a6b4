// The tree of retained sizes, and what is known of the object that is chosen.
import { t } from "./words.js";
import { bytes } from "./units.js";
import { fill, make } from "./dom.js";
import { link, remember } from "./route.js";
import { factList, heading, later, whyNotRetained } from "./parts.js";
import { crumbs } from "./map_view.js";
import { currentPalette } from "./palette.js";
import { RetainedScene } from "./retained_scene.js";
import { Treemap, swatch } from "./treemap.js";

/** @typedef {import("./treemap.js").Box} Box */

const CHILDREN_SHOWN = 14;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function retainedView({ source, about, options }) {
  const title = t("tree.title");
  const why = whyNotRetained(about);
  const head = heading(title, t("tree.lead"));
  if (why !== null) return { element: make("div", { class: "view" }, head, make("p", { class: "note" }, why)), title };
  /** @type {RetainedMap | null} */
  let map = null;
  const frame = later(source.retained(null), (answer) => {
    map = new RetainedMap(source, about, options, answer);
    return map.element;
  });
  return { element: make("div", { class: "view wide" }, head, frame), title, stop: () => map?.widget.stop(), recolour: () => map?.recolour() };
}

class RetainedMap {
  /**
   * @param {import("./source.js").Source} source
   * @param {import("./source.js").About} about
   * @param {URLSearchParams} options
   * @param {import("./source.js").RetainedAnswer} answer
   */
  constructor(source, about, options, answer) {
    this.source = source;
    this.about = about;
    this.scene = new RetainedScene(answer, about);
    this.legend = make("div", { class: "legend", role: "group", "aria-label": t("legend.label") });
    this.panel = make("aside", { class: "panel", "aria-label": t("map.chosen") });
    this.widget = new Treemap(this.scene, {
      label: t("tree.label"),
      help: t("map.help"),
      onSelect: (box) => this.onSelect(box),
      onEnter: (box) => this.askForMore(box),
      onOpen: (box) => this.openObject(box),
    });
    this.widget.onLaidOut = (key) => this.goTo(key === "" ? options.get("at") ?? "" : key);
    this.element = make("div", { class: "map" },
      make("div", { class: "map-bar" }, this.legend),
      make("div", { class: "map-body" }, this.widget.element, this.panel),
      make("p", { class: "note keys" }, t("map.keys"), " ", t("tree.cut"), source.canAsk ? "" : ` ${t("tree.cut_file")}`));
    this.drawLegend();
    this.showChosen(this.scene.root);
  }

  /** @param {string} address from a link */
  goTo(address) {
    const box = address === "" ? this.scene.root : this.scene.find(address) ?? this.scene.root;
    this.widget.select(box, true);
    this.widget.flyTo(box, true);
    this.showChosen(box);
    if (box.parent !== null) this.askForMore(box);
  }

  /** @param {Box} box */
  onSelect(box) {
    remember({ at: box.key || null });
    this.showChosen(box);
  }

  /** Live, smaller parts of a box can be had. @param {Box} box */
  async askForMore(box) {
    if (!this.source.canAsk || box.parent === null || !this.scene.hasMore(box)) return;
    this.scene.nodeOf(box).isLoaded = true;
    this.panel.classList.add("busy");
    const answer = await this.source.retained(box.key).catch(() => null);
    this.panel.classList.remove("busy");
    if (answer === null) return;
    this.scene.graft(box, answer);
    if (this.widget.selected === box) this.showChosen(box);
    this.widget.invalidate();
  }

  recolour() {
    this.scene.recolour();
    this.drawLegend();
    this.widget.invalidate();
  }

  /** @param {Box} box */
  openObject(box) {
    if (this.scene.isObject(box)) location.hash = link("object", { at: this.addressOf(box) });
  }

  /** Of the object, or of the one that the box is a part of. @param {Box} box */
  addressOf(box) {
    return box.key || box.parent?.key || "";
  }

  /** @param {Box} box */
  showChosen(box) {
    fill(this.panel,
      make("nav", { class: "crumbs", "aria-label": t("map.way") }, crumbs(box, { title: (each) => this.scene.words(this.scene.nodeOf(each)) }, (each) => this.widget.enter(each))),
      factList(this.scene.facts(box)),
      this.scene.isObject(box) ? make("a", { class: "button", href: link("object", { at: this.addressOf(box) }) }, t("fact.open")) : null,
      this.childList(box));
  }

  /** @param {Box} box */
  childList(box) {
    const children = this.scene.open(box).slice(0, CHILDREN_SHOWN);
    if (children.length === 0) return null;
    return make("section", {}, make("h2", {}, t("tree.inside")), make("ul", { class: "inside" }, children.map((child) => {
      const node = this.scene.nodeOf(child);
      const words = [swatch(child.colour), make("span", { class: "code" }, this.scene.words(node)), make("span", { class: "number" }, bytes(node.retained))];
      return make("li", {}, make("button", { type: "button", click: () => this.widget.enter(child) }, words));
    })));
  }

  drawLegend() {
    const { categories, grey } = currentPalette();
    fill(this.legend, this.about.type_order.map((type, rank) => make("span", { class: "legend-mark" }, swatch(categories[rank] ?? grey), this.about.types[type] ?? "")),
      make("span", { class: "legend-mark" }, swatch(grey), t("legend.other")));
  }
}
