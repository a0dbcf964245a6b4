// The heap's map in words: a title for each box, and what is known of it.
import { t } from "./words.js";
import { bytes, count, hex, share } from "./units.js";
import { ARENA_KIND, capacityOf, GROUP_KIND, isLarge, isLiveLarge, isTable, kindOf, largeStateOf, mappingsBegin, NO_ROW, POOL_KIND, stateOf, typeRow } from "./heap_parts.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./heap_parts.js").Arena} Arena */
/** @typedef {import("./heap_scene.js").HeapScene} HeapScene */
/** @typedef {[string, string]} Fact a name and its value */

export class HeapWords {
  /** @param {HeapScene} scene */
  constructor(scene) {
    this.scene = scene;
    this.pools = scene.pools;
    this.large = scene.large;
    this.types = scene.about.types;
  }

  // --- titles ---

  /** @param {Box} box */
  title(box) {
    const kind = kindOf(box);
    if (box.parent === null) return t("map.heap");
    if (kind === ARENA_KIND) return hex(this.scene.arenaOf(box).address);
    if (kind === POOL_KIND) return this.poolTitle(box.index);
    if (kind === GROUP_KIND) return t("map.mappings");
    return isLarge(box) ? this.largeTitle(box.index) : this.content(this.scene.blockType(box));
  }

  /** @param {number} pool */
  poolTitle(pool) {
    const of = bytes(this.pools.block_bytes[pool] ?? 0);
    const type = this.pools.type[pool] ?? NO_ROW;
    const words = type === NO_ROW ? "" : ` · ${this.types[type] ?? ""}`;
    return `${of}${this.scene.mode === "type" ? words : ` · ${count(this.pools.live[pool] ?? 0)}/${count(capacityOf(this.pools, pool))}`}`;
  }

  /** @param {number} row */
  largeTitle(row) {
    const words = isLiveLarge(this.large, row) ? this.content(this.large.type[row]) : t(`large.${largeStateOf(this.large, row)}`);
    return `${words} · ${bytes(this.large.size_bytes[row] ?? 0)}`;
  }

  /** What is in a block. @param {number | undefined} type undefined: it is free */
  content(type) {
    if (type === undefined) return t("block.free");
    if (type === NO_ROW) return t("block.foreign");
    const words = this.types[typeRow(type)] ?? "";
    return isTable(type) ? t("block.table", { type: words }) : words;
  }

  // --- facts ---

  /** @param {Box} box */
  describe(box) {
    return this.facts(box).map(([name, value]) => `${name}: ${value}`).join(", ");
  }

  /** @param {Box} box @returns {Fact[]} */
  facts(box) {
    const kind = kindOf(box);
    if (box.parent === null) return this.heapFacts();
    if (kind === ARENA_KIND) return this.arenaFacts(this.scene.arenaOf(box));
    if (kind === GROUP_KIND) return this.groupFacts();
    if (kind === POOL_KIND) return this.poolFacts(box.index);
    return isLarge(box) ? this.largeFacts(box.index) : this.blockFacts(box);
  }

  /** @returns {Fact[]} */
  heapFacts() {
    const pools = this.poolSums(0, this.pools.address.length);
    const begin = mappingsBegin(this.large);
    const runs = this.largeSums(0, begin);
    const mappings = this.largeSums(begin, this.large.address.length);
    return [
      [t("fact.what"), t("map.heap")],
      [t("fact.arenas"), count(this.scene.arenas.length)],
      [t("fact.pools"), t("fact.used_of", { used: count(pools.used), all: count(pools.all) })],
      ...this.largeCounts(t("fact.runs"), runs),
      ...this.largeCounts(t("fact.mappings"), mappings),
      ...this.memoryFacts(pools.live + runs.live + mappings.live, pools.resident + runs.resident + mappings.resident, pools.pinned),
    ];
  }

  /** @param {Arena} arena @returns {Fact[]} */
  arenaFacts({ first, last, address, hasRuns }) {
    /** @type {Fact} */
    const what = [t("fact.what"), `${t("fact.arena")} ${hex(address)}`];
    if (hasRuns) {
      const runs = this.largeSums(first, last);
      return [what, ...this.largeCounts(t("fact.runs"), runs), [t("fact.holes"), bytes(runs.free)], ...this.memoryFacts(runs.live, runs.resident, null)];
    }
    const pools = this.poolSums(first, last);
    return [what, [t("fact.pools"), t("fact.used_of", { used: count(pools.used), all: count(pools.all) })], ...this.memoryFacts(pools.live, pools.resident, pools.pinned)];
  }

  /** @returns {Fact[]} */
  groupFacts() {
    const mappings = this.largeSums(mappingsBegin(this.large), this.large.address.length);
    return [[t("fact.what"), t("map.mappings")], ...this.largeCounts(t("fact.mappings"), mappings), [t("fact.kept"), bytes(mappings.free)], ...this.memoryFacts(mappings.live, mappings.resident, null)];
  }

  /** None where there are none. @param {string} name @param {{ used: number, live: number }} sums @returns {Fact[]} */
  largeCounts(name, { used, live }) {
    return used === 0 ? [] : [[name, `${count(used)} (${bytes(live)})`]];
  }

  /** @param {number} live @param {number} resident @param {number | null} pinned null: nothing can be @returns {Fact[]} */
  memoryFacts(live, resident, pinned) {
    /** @type {Fact[]} */
    const facts = [[t("fact.live"), bytes(live)], [t("fact.resident"), bytes(resident)]];
    return pinned === null ? facts : [...facts, [t("fact.pinned"), `${bytes(pinned)} (${share(pinned, resident)})`]];
  }

  /** @param {number} first @param {number} last */
  poolSums(first, last) {
    const sums = { all: last - first, used: 0, live: 0, resident: 0, pinned: 0 };
    for (let pool = first; pool < last; pool += 1) {
      sums.resident += this.pools.resident_bytes[pool] ?? 0;
      sums.pinned += this.pools.pinned_bytes[pool] ?? 0;
      sums.live += (this.pools.live[pool] ?? 0) * (this.pools.block_bytes[pool] ?? 0);
      if ((this.pools.live[pool] ?? 0) > 0) sums.used += 1;
    }
    return sums;
  }

  /** @param {number} first @param {number} last */
  largeSums(first, last) {
    const sums = { used: 0, live: 0, free: 0, resident: 0 };
    for (let row = first; row < last; row += 1) {
      const isLive = isLiveLarge(this.large, row);
      sums.resident += this.large.resident_bytes[row] ?? 0;
      sums[isLive ? "live" : "free"] += this.large.size_bytes[row] ?? 0;
      if (isLive) sums.used += 1;
    }
    return sums;
  }

  /** @param {number} pool @returns {Fact[]} */
  poolFacts(pool) {
    const type = this.pools.type[pool] ?? NO_ROW;
    const live = this.pools.live[pool] ?? 0;
    const pinned = this.pools.pinned_bytes[pool] ?? 0;
    return [
      [t("fact.what"), `${t("fact.pool")} ${hex(this.pools.address[pool] ?? 0)}`],
      [t("fact.state"), t(`state.${stateOf(this.pools, pool)}`)],
      [t("fact.class"), bytes(this.pools.block_bytes[pool] ?? 0)],
      [t("fact.blocks"), `${t("fact.used_of", { used: count(live), all: count(capacityOf(this.pools, pool)) })} (${share(live, capacityOf(this.pools, pool))})`],
      [t("fact.mostly"), type === NO_ROW ? "–" : this.types[type] ?? ""],
      [t("fact.resident"), `${bytes(this.pools.resident_bytes[pool] ?? 0)} / ${bytes(this.pools.size_bytes[pool] ?? 0)}`],
      [t("fact.pinned"), bytes(pinned)],
    ];
  }

  /** @param {Box} box @returns {Fact[]} */
  blockFacts(box) {
    const pool = /** @type {Box} */ (box.parent).index;
    return [
      [t("fact.what"), this.content(this.scene.blockType(box))],
      [t("fact.address"), hex(this.scene.addressOf(box))],
      [t("fact.size"), bytes(this.pools.block_bytes[pool] ?? 0)],
      [t("fact.pool"), hex(this.pools.address[pool] ?? 0)],
    ];
  }

  /** @param {number} row @returns {Fact[]} */
  largeFacts(row) {
    const state = largeStateOf(this.large, row);
    const isLive = isLiveLarge(this.large, row);
    return [
      [t("fact.what"), this.largeTitle(row)],
      [t("fact.state"), t(`large.${state}`)],
      [t("fact.address"), hex(this.large.address[row] ?? 0)],
      [t("fact.size"), bytes(this.large.size_bytes[row] ?? 0)],
      [t("fact.resident"), bytes(this.large.resident_bytes[row] ?? 0)],
      [t("fact.type"), isLive ? this.content(this.large.type[row]) : "–"],
    ];
  }
}
