// The heap as a map: arenas in the order of their addresses, pools where they lie in them, blocks in pools.
import { t } from "./words.js";
import { bytes, count, hex, share } from "./units.js";
import { currentPalette, Mean, mixed, onRamp } from "./palette.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./treemap.js").Scene} Scene */
/** @typedef {import("./palette.js").Packed} Packed */
/** @typedef {import("./palette.js").Palette} Palette */
/** @typedef {import("./source.js").PoolColumns} PoolColumns */
/** @typedef {import("./source.js").BlockColumns} BlockColumns */
/** @typedef {"state" | "class" | "type" | "pin"} Mode */
/** @typedef {{ first: number, last: number, address: number }} Arena pools from the first up to the last, not included */
/** @typedef {{ columns: number, rows: number, capacity: number }} Grid */

export const NO_ROW = 0xffffffff;
const TABLE_BIT = 0x80000000;
const STATE_BITS = 3;
const SEALED_BIT = 4;
const SPENT_BIT = 8;
const SLOT_BYTES = 16384;
const FIRST_BLOCK_BYTES = 48;
const ARENA_COLUMNS = 16;
const CAPACITY_MAX = 4096;
const ARENAS_KEPT = 200;
const OPENED_KEPT = 400;
const LARGEST_CLASS_BYTES = 16384;
const ARENA_KIND = 1;
const POOL_KIND = 2;
const BLOCK_KIND = 3;

/** @implements {Scene} */
export class HeapScene {
  /**
   * @param {PoolColumns} pools
   * @param {{ arena_bytes: number, types: string[], type_order: number[] }} about
   * @param {(first: number, last: number) => Promise<BlockColumns | null>} load blocks of some pools
   * @param {Mode} mode
   */
  constructor(pools, about, load, mode) {
    this.pools = pools;
    this.about = about;
    this.load = load;
    this.onBlocks = () => {};
    this.mode = mode;
    this.palette = currentPalette();
    this.arenas = arenasOf(pools, about.arena_bytes);
    this.poolColours = new Uint32Array(pools.address.length);
    /** @type {Map<number, Packed>} */
    this.typeColours = new Map();
    /** @type {Map<number, BlockColumns | "asked" | "none">} */
    this.blocks = new Map();
    /** @type {Box[]} pools whose blocks are boxes, the oldest first */
    this.opened = [];
    this.root = this.box(null, "", 0, { x: 0, y: 0, w: 1, h: 1 }, 1, this.arenas.length);
    this.recolour();
  }

  /** @param {Mode} mode */
  colourBy(mode) {
    this.mode = mode;
    this.recolour();
  }

  // --- boxes ---

  /** @param {number} aspect */
  layOut(aspect) {
    this.root.aspect = aspect;
    this.root.children = null;
    this.opened = [];
  }

  /** @param {Box} box @returns {Box[]} */
  open(box) {
    if (box.children === null) {
      const kind = kindOf(box);
      if (kind === 0) box.children = this.arenaBoxes(box);
      else if (kind === ARENA_KIND) box.children = this.poolBoxes(box);
      else if (kind === POOL_KIND) return this.blockBoxes(box);
      else box.children = [];
    }
    return box.children;
  }

  /** The box that a link names. @param {string} key @returns {Box | null} */
  find(key) {
    const [kind, place, slot] = key.split(":");
    const address = Number(place);
    if (!Number.isFinite(address)) return null;
    const arena = this.open(this.root).find((each) => {
      const { address: begin } = /** @type {Arena} */ (this.arenas[each.index]);
      return address >= begin && address < begin + this.about.arena_bytes;
    });
    if (arena === undefined || kind === "a") return arena ?? null;
    const pool = this.open(arena).find((each) => {
      const begin = this.pools.address[each.index] ?? 0;
      return address >= begin && address < begin + (this.pools.size_bytes[each.index] ?? 0);
    });
    if (pool === undefined || kind === "p") return pool ?? arena;
    return this.open(pool)[Number(slot)] ?? pool;
  }

  /** @param {Box} root */
  arenaBoxes(root) {
    const columns = Math.max(Math.min(Math.round(Math.sqrt((this.arenas.length * root.aspect) / 2)), this.arenas.length), 1);
    const rows = Math.ceil(this.arenas.length / columns);
    const aspect = (root.aspect * rows) / columns;
    const boxes = this.arenas.map((arena, index) => {
      const place = { x: (index % columns) / columns, y: Math.floor(index / columns) / rows, w: 1 / columns, h: 1 / rows };
      return this.box(root, `a:${hex(arena.address)}`, index, place, aspect, arena.last - arena.first);
    });
    this.colourArenas(boxes);
    return boxes;
  }

  /** @param {Box} box */
  poolBoxes(box) {
    const arena = /** @type {Arena} */ (this.arenas[box.index]);
    const slots = Math.max(Math.round(this.about.arena_bytes / SLOT_BYTES), 1);
    const columns = Math.min(ARENA_COLUMNS, slots);
    const rows = Math.ceil(slots / columns);
    /** @type {Box[]} */
    const boxes = [];
    for (let pool = arena.first; pool < arena.last; pool += 1) {
      const offset = (this.pools.address[pool] ?? 0) - arena.address;
      const slot = Math.min(Math.floor(offset / SLOT_BYTES), slots - 1);
      const column = slot % columns;
      const span = Math.min(Math.max(Math.round((this.pools.size_bytes[pool] ?? 0) / SLOT_BYTES), 1), columns - column);
      const place = { x: column / columns, y: Math.floor(slot / columns) / rows, w: span / columns, h: 1 / rows };
      const aspect = (box.aspect * place.w) / place.h;
      const key = `p:${hex(this.pools.address[pool] ?? 0)}`;
      const made = this.box(box, key, pool, place, aspect, this.capacity(pool));
      made.colour = this.poolColours[pool] ?? 0;
      boxes.push(made);
    }
    return boxes;
  }

  /** @param {Box} box */
  blockBoxes(box) {
    const found = this.blocksOf(box.index, arenaIndexOf(box));
    if (found === null) return [];
    const { columns, rows, capacity } = this.grid(box);
    const types = new Map(Array.from(found.slots, (slot, place) => [slot, found.types[place] ?? NO_ROW]));
    const aspect = (box.aspect * rows) / columns;
    box.children = Array.from({ length: capacity }, (_, slot) => {
      const place = { x: (slot % columns) / columns, y: Math.floor(slot / columns) / rows, w: 1 / columns, h: 1 / rows };
      const made = this.box(box, `b:${hex(this.pools.address[box.index] ?? 0)}:${slot}`, slot, place, aspect, 0);
      made.colour = this.blockColour(box.index, types.get(slot));
      return made;
    });
    this.keepFew(box);
    return box.children;
  }

  /** Boxes of blocks are many; those that were made long ago are made again when they are looked at. @param {Box} box */
  keepFew(box) {
    this.opened.push(box);
    if (this.opened.length <= OPENED_KEPT) return;
    for (const old of this.opened.splice(0, OPENED_KEPT / 2)) old.children = null;
  }

  /**
   * @param {Box | null} parent @param {string} key @param {number} index
   * @param {{ x: number, y: number, w: number, h: number }} place @param {number} aspect @param {number} childCount
   * @returns {Box}
   */
  box(parent, key, index, place, aspect, childCount) {
    const hasTitle = key.startsWith("a:");
    return {
      key, parent, index, aspect, childCount, hasTitle,
      x: place.x, y: place.y, w: place.w, h: place.h,
      children: null, colour: this.palette.grey, ground: parent === null ? this.palette.ground : this.palette.surface,
    };
  }

  // --- blocks ---

  /** @param {number} pool */
  capacity(pool) {
    const block = this.pools.block_bytes[pool] ?? 0;
    const size = this.pools.size_bytes[pool] ?? 0;
    const room = size === SLOT_BYTES ? size - FIRST_BLOCK_BYTES : size;
    return block > 0 ? Math.min(Math.max(Math.floor(room / block), 1), CAPACITY_MAX) : 1;
  }

  /** How a pool's blocks stand in it. @param {Box} box @returns {Grid} */
  grid(box) {
    const capacity = Math.max(box.childCount, 1);
    const columns = Math.min(Math.max(Math.round(Math.sqrt(capacity * box.aspect)), 1), capacity);
    return { columns, rows: Math.ceil(capacity / columns), capacity };
  }

  /**
   * A pool's blocks; null: they are not there yet, or never. What is not there is asked for.
   * @param {number} pool @param {number} arena
   */
  blocksOf(pool, arena) {
    const found = this.blocks.get(arena);
    if (found === undefined) this.askFor(arena);
    if (found === undefined || found === "asked" || found === "none") return null;
    const place = pool - /** @type {Arena} */ (this.arenas[arena]).first;
    const begin = place > 0 ? found.end[place - 1] ?? 0 : 0;
    const end = found.end[place] ?? begin;
    return { slots: found.slot.subarray(begin, end), types: found.type.subarray(begin, end) };
  }

  /** @param {number} index */
  async askFor(index) {
    const { first, last } = /** @type {Arena} */ (this.arenas[index]);
    this.blocks.set(index, "asked");
    const found = await this.load(first, last).catch(() => null);
    this.blocks.set(index, found ?? "none");
    for (const old of this.blocks.keys()) {
      if (this.blocks.size <= ARENAS_KEPT) break;
      if (old !== index) this.blocks.delete(old);
    }
    this.onBlocks();
  }

  /**
   * A pool's blocks as pixels.
   * @param {Box} box @param {import("./raster.js").Raster} raster @param {number} x @param {number} y @param {number} w @param {number} h
   */
  paint(box, raster, x, y, w, h) {
    if (kindOf(box) !== POOL_KIND) return false;
    const found = this.blocksOf(box.index, arenaIndexOf(box));
    if (found === null || (found.slots.length === 0 && (this.pools.live[box.index] ?? 0) > 0)) {
      raster.fill(Math.round(x), Math.round(y), Math.round(x + w), Math.round(y + h), box.colour);
      return true;
    }
    const { columns, rows } = this.grid(box);
    const stepX = w / columns;
    const stepY = h / rows;
    const gap = stepX > 4 && stepY > 4 ? 1 : 0;
    raster.fill(Math.round(x), Math.round(y), Math.round(x + w), Math.round(y + h), this.freeColour(box.index));
    for (let place = 0; place < found.slots.length; place += 1) {
      const slot = found.slots[place] ?? 0;
      const left = x + (slot % columns) * stepX;
      const top = y + Math.floor(slot / columns) * stepY;
      const colour = this.blockColour(box.index, found.types[place]);
      raster.fill(Math.round(left), Math.round(top), Math.round(left + stepX) - gap, Math.round(top + stepY) - gap, colour);
    }
    return true;
  }

  // --- colours ---

  recolour() {
    this.palette = currentPalette();
    this.typeColours = new Map(this.about.type_order.map((type, rank) => [type, this.palette.categories[rank] ?? this.palette.grey]));
    for (let pool = 0; pool < this.poolColours.length; pool += 1) this.poolColours[pool] = this.poolColour(pool);
    this.root.ground = this.palette.ground;
    this.colourArenas(this.root.children ?? []);
    for (const arena of this.root.children ?? []) {
      for (const pool of arena.children ?? []) {
        pool.colour = this.poolColours[pool.index] ?? 0;
        pool.ground = this.palette.surface;
        pool.children = null;
      }
    }
    this.opened = [];
  }

  /** The mean of their pools, for arenas that are too small to open. @param {Box[]} boxes */
  colourArenas(boxes) {
    for (const box of boxes) {
      const { first, last } = /** @type {Arena} */ (this.arenas[box.index]);
      const mean = new Mean();
      for (let pool = first; pool < last; pool += 1) mean.add(this.poolColours[pool] ?? 0, this.pools.size_bytes[pool] ?? 0);
      box.colour = mean.colour(this.palette.states.empty);
      box.ground = this.palette.surface;
    }
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
    const room = this.capacity(pool);
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
    const { states, ramp, grey, categories } = this.palette;
    if (type === undefined) return this.freeColour(pool);
    if (this.mode === "state") return stateOf(this.pools, pool) === "sealed" ? states.sealed : states.full;
    if (this.mode === "class") return onRamp(ramp, this.classPart(pool));
    if (this.mode === "pin") return onRamp(ramp, Math.max(this.pinnedPart(pool), 0.25));
    if (type === NO_ROW) return mixed(grey, categories[5] ?? grey, 0.5);
    const colour = this.typeColours.get(typeRow(type)) ?? grey;
    return isTable(type) ? mixed(colour, states.free, 0.45) : colour;
  }

  // --- words ---

  /** @param {Box} box */
  title(box) {
    const kind = kindOf(box);
    if (kind === 0) return t("map.heap");
    if (kind === ARENA_KIND) return hex(/** @type {Arena} */ (this.arenas[box.index]).address);
    if (kind === POOL_KIND) return this.poolTitle(box.index);
    return this.blockTitle(box);
  }

  /** @param {number} pool */
  poolTitle(pool) {
    const of = bytes(this.pools.block_bytes[pool] ?? 0);
    const type = this.pools.type[pool] ?? NO_ROW;
    const words = type === NO_ROW ? "" : ` · ${this.about.types[type] ?? ""}`;
    return `${of}${this.mode === "type" ? words : ` · ${count(this.pools.live[pool] ?? 0)}/${count(this.capacity(pool))}`}`;
  }

  /** @param {Box} box a block */
  blockTitle(box) {
    const type = this.blockType(box);
    if (type === undefined) return t("block.free");
    if (type === NO_ROW) return t("block.foreign");
    const words = this.about.types[typeRow(type)] ?? "";
    return isTable(type) ? t("block.table", { type: words }) : words;
  }

  /** @param {Box} box a block; undefined: it is free */
  blockType(box) {
    const pool = /** @type {Box} */ (box.parent);
    const found = this.blocksOf(pool.index, arenaIndexOf(pool));
    const place = found === null ? -1 : found.slots.indexOf(box.index);
    return found === null || place < 0 ? undefined : found.types[place];
  }

  /** Where the block begins. @param {Box} box a block */
  blockAddress(box) {
    const pool = /** @type {Box} */ (box.parent).index;
    const first = this.pools.size_bytes[pool] === SLOT_BYTES ? FIRST_BLOCK_BYTES : 0;
    return (this.pools.address[pool] ?? 0) + first + box.index * (this.pools.block_bytes[pool] ?? 0);
  }

  /** @param {Box} box */
  describe(box) {
    return this.facts(box).map(([name, value]) => `${name}: ${value}`).join(", ");
  }

  /** What is known of the box: names and values. @param {Box} box @returns {[string, string][]} */
  facts(box) {
    const kind = kindOf(box);
    if (kind === 0) return this.sumFacts(t("map.heap"), 0, this.pools.address.length, this.arenas.length);
    if (kind === ARENA_KIND) {
      const { first, last, address } = /** @type {Arena} */ (this.arenas[box.index]);
      return this.sumFacts(`${t("fact.arena")} ${hex(address)}`, first, last, 0);
    }
    return kind === POOL_KIND ? this.poolFacts(box.index) : this.blockFacts(box);
  }

  /** @param {string} what @param {number} first @param {number} last @param {number} arenas @returns {[string, string][]} */
  sumFacts(what, first, last, arenas) {
    let resident = 0;
    let pinned = 0;
    let live = 0;
    let used = 0;
    for (let pool = first; pool < last; pool += 1) {
      resident += this.pools.resident_bytes[pool] ?? 0;
      pinned += this.pools.pinned_bytes[pool] ?? 0;
      live += (this.pools.live[pool] ?? 0) * (this.pools.block_bytes[pool] ?? 0);
      if ((this.pools.live[pool] ?? 0) > 0) used += 1;
    }
    return [
      [t("fact.what"), what],
      ...(arenas > 0 ? [/** @type {[string, string]} */ ([t("fact.arenas"), count(arenas)])] : []),
      [t("fact.pools"), t("fact.used_of", { used: count(used), all: count(last - first) })],
      [t("fact.live"), bytes(live)],
      [t("fact.resident"), bytes(resident)],
      [t("fact.pinned"), `${bytes(pinned)} (${share(pinned, resident)})`],
    ];
  }

  /** @param {number} pool @returns {[string, string][]} */
  poolFacts(pool) {
    const type = this.pools.type[pool] ?? NO_ROW;
    const live = this.pools.live[pool] ?? 0;
    const pinned = this.pools.pinned_bytes[pool] ?? 0;
    return [
      [t("fact.what"), `${t("fact.pool")} ${hex(this.pools.address[pool] ?? 0)}`],
      [t("fact.state"), t(`state.${stateOf(this.pools, pool)}`)],
      [t("fact.class"), bytes(this.pools.block_bytes[pool] ?? 0)],
      [t("fact.blocks"), `${t("fact.used_of", { used: count(live), all: count(this.capacity(pool)) })} (${share(live, this.capacity(pool))})`],
      [t("fact.mostly"), type === NO_ROW ? "–" : this.about.types[type] ?? ""],
      [t("fact.resident"), `${bytes(this.pools.resident_bytes[pool] ?? 0)} / ${bytes(this.pools.size_bytes[pool] ?? 0)}`],
      [t("fact.pinned"), bytes(pinned)],
    ];
  }

  /** @param {Box} box @returns {[string, string][]} */
  blockFacts(box) {
    const pool = /** @type {Box} */ (box.parent).index;
    return [
      [t("fact.what"), this.blockTitle(box)],
      [t("fact.address"), hex(this.blockAddress(box))],
      [t("fact.size"), bytes(this.pools.block_bytes[pool] ?? 0)],
      [t("fact.pool"), hex(this.pools.address[pool] ?? 0)],
    ];
  }

  /** Whether the box is a block with an object in it, or with a table of one. @param {Box} box */
  isObject(box) {
    if (kindOf(box) !== BLOCK_KIND) return false;
    const type = this.blockType(box);
    return type !== undefined && type !== NO_ROW;
  }

  /** @param {Box} box */
  isBlock(box) {
    return kindOf(box) === BLOCK_KIND;
  }
}

/** How deep: 0 the heap, then arenas, pools, blocks. @param {Box} box */
function kindOf(box) {
  let kind = 0;
  for (let each = box.parent; each !== null; each = each.parent) kind += 1;
  return kind;
}

/** @param {Box} pool */
function arenaIndexOf(pool) {
  return /** @type {Box} */ (pool.parent).index;
}

/** @param {number} type */
function isTable(type) {
  return type !== NO_ROW && type >= TABLE_BIT;
}

/** @param {number} type */
function typeRow(type) {
  return isTable(type) ? type - TABLE_BIT : type;
}

/** @param {PoolColumns} pools @param {number} pool @returns {"empty" | "used" | "full" | "sealed" | "spent"} */
export function stateOf(pools, pool) {
  const flags = pools.flags[pool] ?? 0;
  if (flags & SPENT_BIT) return "spent";
  if (flags & SEALED_BIT) return "sealed";
  const state = flags & STATE_BITS;
  return state === 0 ? "empty" : state === 2 ? "full" : "used";
}

/** @param {PoolColumns} pools @param {number} arenaBytes @returns {Arena[]} */
function arenasOf(pools, arenaBytes) {
  /** @type {Arena[]} */
  const arenas = [];
  for (let pool = 0; pool < pools.address.length; pool += 1) {
    const address = Math.floor((pools.address[pool] ?? 0) / arenaBytes) * arenaBytes;
    const last = arenas.at(-1);
    if (last !== undefined && last.address === address) last.last = pool + 1;
    else arenas.push({ first: pool, last: pool + 1, address });
  }
  return arenas;
}
