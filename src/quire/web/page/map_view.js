// The heap's map, with its legend, and what is known of the box that is chosen.
import { t } from "./words.js";
import { bytes, hex } from "./units.js";
import { fill, make } from "./dom.js";
import { link, remember } from "./route.js";
import { choice, factList, heading, later } from "./parts.js";
import { currentPalette } from "./palette.js";
import { HeapScene } from "./heap_scene.js";
import { Treemap, swatch } from "./treemap.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./heap_scene.js").Mode} Mode */

/** @type {Mode[]} */
const MODES = ["state", "class", "type", "pin"];
const RAMP_STEPS = 6;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function mapView({ source, about, options }) {
  const title = t("map.title");
  const head = heading(title, t("map.lead", { size: bytes(about.arena_bytes) }));
  /** @type {HeapMap | null} */
  let map = null;
  const frame = later(source.pools(), (pools) => {
    if (pools.address.length === 0) return make("p", { class: "note" }, t("map.empty"));
    map = new HeapMap(source, about, options, pools);
    return map.element;
  });
  return { element: make("div", { class: "view wide" }, head, frame), title, stop: () => map?.widget.stop(), recolour: () => map?.recolour() };
}

class HeapMap {
  /**
   * @param {import("./source.js").Source} source
   * @param {import("./source.js").About} about
   * @param {URLSearchParams} options
   * @param {import("./source.js").PoolColumns} pools
   */
  constructor(source, about, options, pools) {
    this.about = about;
    this.source = source;
    const mode = MODES.find((each) => each === options.get("colour")) ?? "state";
    this.scene = new HeapScene(pools, about, (first, last) => source.blocks(first, last), () => this.onBlocks(), mode);
    this.legend = make("div", { class: "legend", role: "group", "aria-label": t("legend.label") });
    this.panel = make("aside", { class: "panel", "aria-label": t("map.chosen") });
    this.widget = new Treemap(this.scene, {
      label: t("map.label"),
      help: t("map.help"),
      onSelect: (box) => this.onSelect(box),
      onEnter: () => {},
      onOpen: (box) => this.openObject(box),
    });
    this.widget.onLaidOut = (key) => this.goTo(key === "" ? options.get("at") ?? "" : key);
    const modes = choice(t("map.colour"), MODES.map((each) => [each, t(`map.${each}`)]), mode, (value) => this.colourBy(/** @type {Mode} */ (value)));
    this.element = make("div", { class: "map" },
      make("div", { class: "map-bar" }, modes, this.legend),
      make("div", { class: "map-body" }, this.widget.element, this.panel),
      make("p", { class: "note keys" }, t("map.keys"), about.has_blocks ? "" : ` ${t("map.no_blocks")}`));
    this.drawLegend();
    this.showChosen(this.scene.root);
  }

  /** @param {string} key from a link */
  goTo(key) {
    const box = key === "" ? null : this.scene.find(key);
    if (box === null) {
      this.showChosen(this.scene.root);
      return;
    }
    this.widget.select(box, true);
    this.widget.flyTo(this.scene.isBlock(box) ? /** @type {Box} */ (box.parent) : box, true);
    this.wanted = box.key === key ? "" : key; // its blocks may come later
    this.showChosen(box);
  }

  onBlocks() {
    const wanted = this.wanted ? this.scene.find(this.wanted) : null;
    if (wanted !== null && wanted.key === this.wanted) {
      this.wanted = "";
      this.widget.select(wanted, true);
      this.showChosen(wanted);
    }
    this.widget.invalidate();
  }

  /** @param {Box} box */
  onSelect(box) {
    this.wanted = "";
    remember({ at: box.key || null });
    this.showChosen(box);
  }

  /** @param {Mode} mode */
  colourBy(mode) {
    this.scene.colourBy(mode);
    remember({ colour: mode });
    this.drawLegend();
    this.widget.invalidate();
  }

  recolour() {
    this.scene.recolour();
    this.drawLegend();
    this.widget.invalidate();
  }

  /** @param {Box} box */
  openObject(box) {
    if (this.scene.isObject(box)) location.hash = link("object", { at: this.objectAddress(box) });
  }

  /** An object may begin behind its collector's header, so it is asked for by its block. @param {Box} box */
  objectAddress(box) {
    return `block:${hex(this.scene.blockAddress(box))}`;
  }

  /** @param {Box} box */
  showChosen(box) {
    const canOpen = this.scene.isObject(box) && this.source.canAsk;
    fill(this.panel,
      make("nav", { class: "crumbs", "aria-label": t("map.way") }, crumbs(box, this.scene, (each) => this.widget.enter(each))),
      factList(this.scene.facts(box)),
      canOpen ? make("a", { class: "button", href: link("object", { at: this.objectAddress(box) }) }, t("fact.open")) : null);
  }

  drawLegend() {
    const { states, ramp, categories, grey } = currentPalette();
    const { mode } = this.scene;
    /** @type {[number, string][]} */
    let marks = [];
    if (mode === "state") {
      const kinds = /** @type {const} */ (["empty", "used", "full", "sealed", "spent"]);
      marks = kinds.map((each) => [states[each], each === "used" ? t("legend.part") : t(`state.${each}`)]);
    } else if (mode === "type") {
      marks = this.about.type_order.map((type, rank) => [categories[rank] ?? grey, this.about.types[type] ?? ""]);
      marks.push([grey, t("legend.other")]);
    }
    fill(this.legend, marks.map(([colour, words]) => make("span", { class: "legend-mark" }, swatch(colour), words)),
      mode === "class" ? rampMarks(ramp, t("legend.small"), t("legend.large")) : null,
      mode === "pin" ? rampMarks(ramp, t("legend.none"), t("legend.all")) : null);
  }
}

/** @param {number[]} ramp @param {string} least @param {string} most */
function rampMarks(ramp, least, most) {
  return make("span", { class: "legend-ramp" }, least, make("span", { class: "ramp", "aria-hidden": "true" }, ramp.slice(0, RAMP_STEPS).map(swatch)), most);
}

/**
 * The way to a box, from outside.
 * @param {Box} box
 * @param {{ title: (box: Box) => string }} scene
 * @param {(box: Box) => void} go
 */
export function crumbs(box, scene, go) {
  /** @type {Box[]} */
  const way = [];
  for (let each = /** @type {Box | null} */ (box); each !== null; each = each.parent) way.unshift(each);
  const shown = way.length > 7 ? [...way.slice(0, 2), null, ...way.slice(-4)] : way;
  return make("ol", {}, shown.map((each) =>
    each === null
      ? make("li", { "aria-hidden": "true" }, "…")
      : make("li", {}, each === box
        ? make("span", { "aria-current": "location" }, scene.title(each))
        : make("button", { type: "button", class: "link", click: () => go(each) }, scene.title(each)))));
}
