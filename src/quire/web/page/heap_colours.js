// The colours of the heap's map: what one tells is the mode's.
import { currentPalette, Mean, mixed, onRamp } from "./palette.js";
import { capacityOf, isLiveLarge, isTable, NO_ROW, stateOf, typeRow } from "./heap_parts.js";

/** @typedef {import("./palette.js").Packed} Packed */
/** @typedef {import("./heap_parts.js").Arena} Arena */
/** @typedef {import("./heap_parts.js").HeapColumns} HeapColumns */
/** @typedef {"state" | "class" | "type" | "pin"} Mode */

const LARGEST_CLASS_BYTES = 16384;

export class HeapColours {
  /** @param {HeapColumns} heap @param {number[]} typeOrder @param {Mode} mode */
  constructor({ pools, large }, typeOrder, mode) {
    this.pools = pools;
    this.large = large;
    this.typeOrder = typeOrder;
    this.mode = mode;
    this.ofPools = new Uint32Array(pools.address.length);
    this.palette = currentPalette();
    /** @type {Map<number, Packed>} */
    this.typeColours = new Map();
    this.renew();
  }

  /** For another palette, or another mode. */
  renew() {
    this.palette = currentPalette();
    this.typeColours = new Map(this.typeOrder.map((type, rank) => [type, this.palette.categories[rank] ?? this.palette.grey]));
    for (let pool = 0; pool < this.ofPools.length; pool += 1) this.ofPools[pool] = this.poolColour(pool);
  }

  /** The mean of what is in it, for an arena that is too small to open. @param {Arena} arena */
  arenaColour({ first, last, hasRuns }) {
    return hasRuns ? this.largeMean(first, last) : this.poolMean(first, last);
  }

  /** @param {number} first @param {number} last */
  poolMean(first, last) {
    const mean = new Mean();
    for (let pool = first; pool < last; pool += 1) mean.add(this.ofPools[pool] ?? 0, this.pools.size_bytes[pool] ?? 0);
    return mean.colour(this.palette.states.empty);
  }

  /** @param {number} first @param {number} last */
  largeMean(first, last) {
    const mean = new Mean();
    for (let row = first; row < last; row += 1) mean.add(this.largeColour(row), this.large.size_bytes[row] ?? 0);
    return mean.colour(this.palette.states.empty);
  }

  /** @param {number} pool @returns {Packed} */
  poolColour(pool) {
    const { states, ramp, grey } = this.palette;
    const state = stateOf(this.pools, pool);
    if (state === "empty") return states.empty;
    if (this.mode === "state") return this.stateColour(pool, state);
    if (this.mode === "class") return onRamp(ramp, this.classPart(pool));
    const live = this.livePart(pool);
    if (this.mode === "type") {
      const type = this.pools.type[pool] ?? NO_ROW;
      return mixed(states.free, this.typeColours.get(type) ?? grey, 0.35 + 0.65 * live);
    }
    return onRamp(ramp, this.pinnedPart(pool));
  }

  /** @param {number} pool @param {string} state */
  stateColour(pool, state) {
    const { states } = this.palette;
    if (state === "sealed") return states.sealed;
    if (state === "spent") return states.spent;
    return mixed(states.used, states.full, state === "full" ? 1 : this.livePart(pool));
  }

  /** @param {number} pool */
  livePart(pool) {
    const room = capacityOf(this.pools, pool);
    return Math.min((this.pools.live[pool] ?? 0) / room, 1);
  }

  /** By the logarithm of the block's size. @param {number} pool */
  classPart(pool) {
    return Math.log2(Math.max((this.pools.block_bytes[pool] ?? 16) / 16, 1)) / Math.log2(LARGEST_CLASS_BYTES / 16);
  }

  /** @param {number} pool */
  pinnedPart(pool) {
    return (this.pools.pinned_bytes[pool] ?? 0) / Math.max(this.pools.size_bytes[pool] ?? 1, 1);
  }

  /** Of what is free in a pool. @param {number} pool @returns {Packed} */
  freeColour(pool) {
    const { states } = this.palette;
    const state = stateOf(this.pools, pool);
    if (state === "empty") return states.empty;
    const isMeshed = this.mode === "state" && (state === "sealed" || state === "spent");
    return isMeshed ? mixed(states[state], states.free, 0.7) : states.free;
  }

  /** @param {number} pool @param {number | undefined} type undefined: the block is free @returns {Packed} */
  blockColour(pool, type) {
    const { states, ramp } = this.palette;
    if (type === undefined) return this.freeColour(pool);
    if (this.mode === "state") return stateOf(this.pools, pool) === "sealed" ? states.sealed : states.full;
    if (this.mode === "class") return onRamp(ramp, this.classPart(pool));
    if (this.mode === "pin") return onRamp(ramp, Math.max(this.pinnedPart(pool), 0.25));
    return this.contentColour(type);
  }

  /** @param {number} row of a large block; nothing beside it is pinned @returns {Packed} */
  largeColour(row) {
    const { states, ramp } = this.palette;
    if (!isLiveLarge(this.large, row)) return states.empty;
    if (this.mode === "state") return states.full;
    if (this.mode === "type") return this.contentColour(this.large.type[row] ?? NO_ROW);
    return onRamp(ramp, this.mode === "class" ? 1 : 0);
  }

  /** @param {number} type of an object, of one whose table it is, or of nobody @returns {Packed} */
  contentColour(type) {
    const { states, grey, categories } = this.palette;
    if (type === NO_ROW) return mixed(grey, categories[5] ?? grey, 0.5);
    const colour = this.typeColours.get(typeRow(type)) ?? grey;
    return isTable(type) ? mixed(colour, states.free, 0.45) : colour;
  }
}
