// The heap's map, and the choice of what its colours tell.
import { t } from "./words.js";
import { bytes, count, hex } from "./units.js";
import { fill, make } from "./dom.js";
import { remember } from "./route.js";
import { choice } from "./parts.js";
import { currentPalette } from "./palette.js";
import { HeapScene } from "./heap_scene.js";
import { swatch } from "./treemap.js";
import { TreemapView, legendMarks, treemapView } from "./treemap_view.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./heap_colours.js").Mode} Mode */
/** @typedef {import("./source.js").HeapColumns} HeapColumns */

/** @type {Mode[]} */
const MODES = ["state", "class", "type", "pin"];
const RAMP_STEPS = 6;

/** @param {import("./parts.js").Context} context @returns {import("./parts.js").View} */
export function mapView(context) {
  const { source, about } = context;
  const { arenas, pools, runs, mappings } = about;
  const lead = t("map.lead", { arenas: count(arenas), size: bytes(about.arena_bytes), pools: count(pools), runs: count(runs), mappings: count(mappings), large: bytes(about.large_bytes) });
  return treemapView(t("map.title"), lead, source.heap(), (heap) => (isEmpty(heap) ? null : new HeapMap(context, heap)));
}

/** @param {HeapColumns} heap */
function isEmpty({ pools, large }) {
  return pools.address.length === 0 && large.address.length === 0;
}

/** @extends {TreemapView<HeapScene>} */
class HeapMap extends TreemapView {
  /**
   * @param {import("./parts.js").Context} context
   * @param {HeapColumns} heap
   */
  constructor(context, heap) {
    const { source, about, options } = context;
    const mode = MODES.find((each) => each === options.get("colour")) ?? "state";
    super(new HeapScene(heap, about, (first, last) => source.blocks(first, last), mode), context, t("map.label"));
    this.scene.onBlocks = () => this.showBlocks();
    this.wanted = "";
    const modes = choice(t("map.colour"), MODES.map((each) => [each, t(`map.${each}`)]), mode, (value) => this.colourBy(/** @type {Mode} */ (value)));
    this.compose(modes, about.has_blocks ? "" : ` ${t("map.no_blocks")}`);
  }

  /** @param {string} key */
  goTo(key) {
    const box = key === "" ? null : this.scene.find(key);
    if (box === null) {
      this.showChosen(this.scene.root);
      return;
    }
    this.widget.select(box, true);
    this.widget.flyTo(this.scene.isShownInParent(box) ? /** @type {Box} */ (box.parent) : box, true);
    this.wanted = box.key === key ? "" : key; // its blocks may come later
    this.showChosen(box);
  }

  showBlocks() {
    const wanted = this.wanted === "" ? null : this.scene.find(this.wanted);
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
    super.onSelect(box);
  }

  /** @param {Mode} mode */
  colourBy(mode) {
    this.scene.colourBy(mode);
    remember({ colour: mode });
    this.drawLegend();
    this.widget.invalidate();
  }

  /** An object may begin behind its collector's header, so it is asked for by its block. @param {Box} box */
  addressOf(box) {
    return `block:${hex(this.scene.addressOf(box))}`;
  }

  /** @param {Box} box */
  canOpen(box) {
    return this.source.canAsk && this.scene.isObject(box);
  }

  drawLegend() {
    const { states, ramp, categories, grey } = currentPalette();
    const { mode } = this.scene;
    /** @type {[number, string][]} */
    let marks = [];
    if (mode === "state") {
      const kinds = /** @type {const} */ (["empty", "used", "full", "sealed", "spent"]);
      marks = kinds.map((each) => [states[each], t(each === "sealed" || each === "spent" ? `state.${each}` : `legend.${each}`)]);
    } else if (mode === "type") {
      marks = this.about.type_order.map((type, rank) => [categories[rank] ?? grey, this.about.types[type] ?? ""]);
      marks.push([grey, t("legend.other")]);
    }
    fill(this.legend, legendMarks(marks),
      mode === "class" ? rampMarks(ramp, t("legend.small"), t("legend.large")) : null,
      mode === "pin" ? rampMarks(ramp, t("legend.none"), t("legend.all")) : null);
  }
}

/** @param {number[]} ramp @param {string} least @param {string} most */
function rampMarks(ramp, least, most) {
  return make("span", { class: "legend-ramp" }, least, make("span", { class: "ramp", "aria-hidden": "true" }, ramp.slice(0, RAMP_STEPS).map(swatch)), most);
}
