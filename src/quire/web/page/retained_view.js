// The tree of retained sizes, whose smaller parts can be had from a live process.
import { t } from "./words.js";
import { bytes } from "./units.js";
import { fill, make } from "./dom.js";
import { heading, whyNotRetained } from "./parts.js";
import { currentPalette } from "./palette.js";
import { RetainedScene } from "./retained_scene.js";
import { swatch } from "./treemap.js";
import { TreemapView, legendMarks, treemapView } from "./treemap_view.js";

/** @typedef {import("./treemap.js").Box} Box */

const CHILDREN_SHOWN = 14;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function retainedView(context) {
  const { source, about } = context;
  const title = t("tree.title");
  const why = whyNotRetained(about);
  if (why !== null) return { element: make("div", { class: "view" }, heading(title, t("tree.lead")), make("p", { class: "note" }, why)), title };
  return treemapView(title, t("tree.lead"), source.retained(null), (answer) => new RetainedMap(context, answer));
}

/** @extends {TreemapView<RetainedScene>} */
class RetainedMap extends TreemapView {
  /**
   * @param {import("./parts.js").Context} context
   * @param {import("./source.js").RetainedAnswer} answer
   */
  constructor(context, answer) {
    super(new RetainedScene(answer, context.about), context, t("tree.label"));
    this.compose(null, " ", t("tree.cut"), context.source.canAsk ? "" : ` ${t("tree.cut_file")}`);
  }

  /** @param {string} address */
  goTo(address) {
    const box = address === "" ? this.scene.root : this.scene.find(address) ?? this.scene.root;
    this.widget.select(box, true);
    this.widget.flyTo(box, true);
    this.showChosen(box);
    if (box.parent !== null) this.onEnter(box);
  }

  /** Live, smaller parts of a box can be had. @param {Box} box */
  async onEnter(box) {
    if (!this.source.canAsk || box.parent === null || !this.scene.hasMore(box)) return;
    this.scene.nodeOf(box).isLoaded = true;
    this.panel.setAttribute("aria-busy", "true");
    const answer = await this.source.retained(box.key).catch(() => null);
    this.panel.removeAttribute("aria-busy");
    if (answer === null) return;
    this.scene.graft(box, answer);
    if (this.widget.selected === box) this.showChosen(box);
    this.widget.invalidate();
  }

  /** Of the object, or of the one that the box is a part of. @param {Box} box */
  addressOf(box) {
    return box.key || box.parent?.key || "";
  }

  /** @param {Box} box */
  crumb(box) {
    return this.scene.words(this.scene.nodeOf(box));
  }

  /** What is inside it. @param {Box} box */
  more(box) {
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
    const marks = this.about.type_order.map((type, rank) => /** @type {[number, string]} */ ([categories[rank] ?? grey, this.about.types[type] ?? ""]));
    fill(this.legend, legendMarks([...marks, [grey, t("legend.other")]]));
  }
}
