// The heap as a map: arenas in the order of their addresses, pools or runs where they lie in them, blocks in pools; and
// beside the arenas what has pages of its own, in proportion to its size.
//
//   +-- arena of pools --+-- arena of runs ---+-- mappings ------+
//   | pool | pool | pool | run                | mapping   | kept |
//   | pool | pool | ...  | hole               |           |------|
//   |                    | run                |           | ...  |
//   +--------------------+--------------------+------------------+
import { hex } from "./units.js";
import { squarify } from "./squarify.js";
import { HeapColours } from "./heap_colours.js";
import { HeapWords } from "./heap_words.js";
import { ARENA_KIND, arenasOf, BLOCK_KIND, capacityOf, FIRST_BLOCK_BYTES, GROUP_KIND, isLarge, isLiveLarge, kindOf, MAPPING_KIND, mappingsBegin, NO_ROW, POOL_KIND, RUN_KIND, SLOT_BYTES } from "./heap_parts.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./treemap.js").Scene} Scene */
/** @typedef {import("./squarify.js").Place} Place */
/** @typedef {import("./source.js").BlockColumns} BlockColumns */
/** @typedef {import("./heap_parts.js").Arena} Arena */
/** @typedef {import("./heap_parts.js").HeapColumns} HeapColumns */
/** @typedef {import("./heap_colours.js").Mode} Mode */
/** @typedef {{ columns: number, rows: number, capacity: number }} Grid */

const ARENA_COLUMNS = 16;
const ARENAS_KEPT = 200;
/** After the server has not answered: then blocks are asked for anew. */
const RETRY_MS = 5000;
const OPENED_KEPT = 400;
const WHOLE = { x: 0, y: 0, w: 1, h: 1 };
const PART_MIN = 0.04; // of the picture, so that neither arenas nor mappings are out of sight

/** @implements {Scene} */
export class HeapScene {
  /**
   * @param {HeapColumns} heap
   * @param {{ arena_bytes: number, types: string[], type_order: number[] }} about
   * @param {(first: number, last: number) => Promise<BlockColumns | null>} load blocks of some pools
   * @param {Mode} mode
   */
  constructor(heap, about, load, mode) {
    this.pools = heap.pools;
    this.large = heap.large;
    this.about = about;
    this.load = load;
    this.onBlocks = () => {};
    this.colours = new HeapColours(heap, about.type_order, mode);
    this.arenas = arenasOf(heap, about.arena_bytes);
    this.words = new HeapWords(this);
    this.mappings = mappingsBySize(this.large);
    /** @type {Map<number, BlockColumns | "asked" | "none">} */
    this.blocks = new Map();
    /** @type {Box[]} pools whose blocks are boxes, the oldest first */
    this.opened = [];
    this.root = this.box(null, "", 0, WHOLE, 1, this.arenas.length + (this.mappings.length > 0 ? 1 : 0));
  }

  get mode() {
    return this.colours.mode;
  }

  /** @param {Mode} mode */
  colourBy(mode) {
    this.colours.mode = mode;
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
      if (box.parent === null) box.children = this.outermostBoxes(box);
      else if (kind === ARENA_KIND) box.children = this.arenaOf(box).hasRuns ? this.runBoxes(box) : this.poolBoxes(box);
      else if (kind === GROUP_KIND) box.children = this.mappingBoxes(box);
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
    const group = this.open(this.root).find((each) => kindOf(each) === GROUP_KIND);
    if (kind === GROUP_KIND || kind === MAPPING_KIND) return this.largeAt(group, address) ?? group ?? null;
    const arena = this.open(this.root).find((each) => kindOf(each) === ARENA_KIND && isWithin(address, this.arenaOf(each).address, this.about.arena_bytes));
    if (arena === undefined || kind === ARENA_KIND) return arena ?? null;
    if (this.arenaOf(arena).hasRuns) return this.largeAt(arena, address) ?? arena;
    const pool = this.open(arena).find((each) => isWithin(address, this.pools.address[each.index] ?? 0, this.pools.size_bytes[each.index] ?? 0));
    if (pool === undefined || kind === POOL_KIND) return pool ?? arena;
    return this.open(pool)[Number(slot)] ?? pool;
  }

  /** @param {Box | undefined} box of large blocks @param {number} address */
  largeAt(box, address) {
    if (box === undefined) return undefined;
    return this.open(box).find((each) => isWithin(address, this.large.address[each.index] ?? 0, this.large.size_bytes[each.index] ?? 0));
  }

  /** @param {Box} box */
  arenaOf(box) {
    return /** @type {Arena} */ (this.arenas[box.index]);
  }

  /** Arenas, and all mappings in one. @param {Box} root */
  outermostBoxes(root) {
    const mapped = this.mappings.reduce((sum, row) => sum + (this.large.size_bytes[row] ?? 0), 0);
    const parts = twoParts(this.arenas.length * this.about.arena_bytes, mapped, root.aspect);
    const boxes = this.arenas.length === 0 ? [] : this.arenaBoxes(root, parts.first);
    if (this.mappings.length > 0) {
      const group = this.box(root, `${GROUP_KIND}:0`, 0, parts.second, (root.aspect * parts.second.w) / parts.second.h, this.mappings.length);
      boxes.push(group);
    }
    for (const box of boxes) this.colourOutermost(box);
    return boxes;
  }

  /** @param {Box} root @param {Place} part of the picture */
  arenaBoxes(root, part) {
    const shape = (root.aspect * part.w) / part.h;
    const columns = Math.max(Math.min(Math.round(Math.sqrt((this.arenas.length * shape) / 2)), this.arenas.length), 1);
    const rows = Math.ceil(this.arenas.length / columns);
    const w = part.w / columns;
    const h = part.h / rows;
    return this.arenas.map((arena, index) => {
      const place = { x: part.x + (index % columns) * w, y: part.y + Math.floor(index / columns) * h, w, h };
      return this.box(root, `${ARENA_KIND}:${hex(arena.address)}`, index, place, (shape * rows) / columns, arena.last - arena.first);
    });
  }

  /** A band for each run and each hole, in proportion to its size. @param {Box} box */
  runBoxes(box) {
    const { first, last, address } = this.arenaOf(box);
    return Array.from({ length: last - first }, (_, index) => {
      const row = first + index;
      const y = Math.min(((this.large.address[row] ?? 0) - address) / this.about.arena_bytes, 1);
      const h = Math.min((this.large.size_bytes[row] ?? 0) / this.about.arena_bytes, 1 - y);
      return this.largeBox(box, RUN_KIND, row, { x: 0, y, w: 1, h });
    });
  }

  /** @param {Box} group */
  mappingBoxes(group) {
    const places = squarify(this.mappings.map((row) => Math.max(this.large.size_bytes[row] ?? 0, 1)), group.aspect);
    return this.mappings.map((row, index) => this.largeBox(group, MAPPING_KIND, row, places[index] ?? WHOLE));
  }

  /** @param {Box} above @param {string} kind @param {number} row @param {Place} place */
  largeBox(above, kind, row, place) {
    const made = this.box(above, `${kind}:${hex(this.large.address[row] ?? 0)}`, row, place, (above.aspect * place.w) / (place.h || 1), 0);
    made.colour = this.colours.largeColour(row);
    return made;
  }

  /** @param {Box} box */
  poolBoxes(box) {
    const arena = this.arenaOf(box);
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
      const key = `${POOL_KIND}:${hex(this.pools.address[pool] ?? 0)}`;
      const made = this.box(box, key, pool, place, aspect, capacityOf(this.pools, pool));
      made.colour = this.colours.ofPools[pool] ?? 0;
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
      const made = this.box(box, `${BLOCK_KIND}:${hex(this.pools.address[box.index] ?? 0)}:${slot}`, slot, place, aspect, 0);
      made.colour = this.colours.blockColour(box.index, types.get(slot));
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
   * @param {Place} place @param {number} aspect @param {number} childCount
   * @returns {Box}
   */
  box(parent, key, index, place, aspect, childCount) {
    const kind = key.charAt(0);
    const { palette } = this.colours;
    return {
      key, parent, index, aspect, childCount,
      hasTitle: kind === ARENA_KIND || kind === GROUP_KIND,
      x: place.x, y: place.y, w: place.w, h: place.h,
      children: null, colour: palette.grey, ground: parent === null ? palette.ground : palette.surface,
    };
  }

  // --- blocks ---

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

  isWaiting() {
    return [...this.blocks.values()].includes("asked");
  }

  /** @param {number} index */
  async askFor(index) {
    const { first, last } = /** @type {Arena} */ (this.arenas[index]);
    this.blocks.set(index, "asked");
    let found = null;
    try {
      found = await this.load(first, last);
    } catch {
      setTimeout(() => this.blocks.delete(index), RETRY_MS);
    }
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
    raster.fill(Math.round(x), Math.round(y), Math.round(x + w), Math.round(y + h), this.colours.freeColour(box.index));
    for (let place = 0; place < found.slots.length; place += 1) {
      const slot = found.slots[place] ?? 0;
      const left = x + (slot % columns) * stepX;
      const top = y + Math.floor(slot / columns) * stepY;
      const colour = this.colours.blockColour(box.index, found.types[place]);
      raster.fill(Math.round(left), Math.round(top), Math.round(left + stepX) - gap, Math.round(top + stepY) - gap, colour);
    }
    return true;
  }

  /** @param {Box} box a block; undefined: it is free */
  blockType(box) {
    const pool = /** @type {Box} */ (box.parent);
    const found = this.blocksOf(pool.index, arenaIndexOf(pool));
    const place = found === null ? -1 : found.slots.indexOf(box.index);
    return found === null || place < 0 ? undefined : found.types[place];
  }

  /** Where the block begins. @param {Box} box a block, or a large one */
  addressOf(box) {
    if (isLarge(box)) return this.large.address[box.index] ?? 0;
    const pool = /** @type {Box} */ (box.parent).index;
    const first = this.pools.size_bytes[pool] === SLOT_BYTES ? FIRST_BLOCK_BYTES : 0;
    return (this.pools.address[pool] ?? 0) + first + box.index * (this.pools.block_bytes[pool] ?? 0);
  }

  // --- colours ---

  recolour() {
    this.colours.renew();
    const { palette } = this.colours;
    this.root.ground = palette.ground;
    for (const outermost of this.root.children ?? []) {
      this.colourOutermost(outermost);
      for (const box of outermost.children ?? []) {
        box.colour = isLarge(box) ? this.colours.largeColour(box.index) : this.colours.ofPools[box.index] ?? 0;
        box.ground = palette.surface;
        box.children = null;
      }
    }
    this.opened = [];
  }

  /** @param {Box} box an arena, or the mappings */
  colourOutermost(box) {
    const isArena = kindOf(box) === ARENA_KIND;
    box.colour = isArena ? this.colours.arenaColour(this.arenaOf(box)) : this.colours.largeMean(mappingsBegin(this.large), this.large.address.length);
    box.ground = this.colours.palette.surface;
  }

  // --- words ---

  /** @param {Box} box */
  title(box) {
    return this.words.title(box);
  }

  /** @param {Box} box */
  describe(box) {
    return this.words.describe(box);
  }

  /** What is known of the box: names and values. @param {Box} box */
  facts(box) {
    return this.words.facts(box);
  }

  /** Whether there is an object in the box, or a table of one. @param {Box} box */
  isObject(box) {
    if (isLarge(box)) return isLiveLarge(this.large, box.index) && this.large.type[box.index] !== NO_ROW;
    if (kindOf(box) !== BLOCK_KIND) return false;
    const type = this.blockType(box);
    return type !== undefined && type !== NO_ROW;
  }

  /** Whether the box is shown best among its neighbours. @param {Box} box */
  isShownInParent(box) {
    return kindOf(box) === BLOCK_KIND || kindOf(box) === RUN_KIND;
  }
}

/** @param {number} address @param {number} begin @param {number} size */
function isWithin(address, begin, size) {
  return address >= begin && address < begin + size;
}

/** Rows of what lies in no arena, the largest first. @param {import("./heap_parts.js").LargeColumns} large */
function mappingsBySize(large) {
  const begin = mappingsBegin(large);
  const rows = Array.from({ length: large.address.length - begin }, (_, index) => begin + index);
  return rows.sort((one, other) => (large.size_bytes[other] ?? 0) - (large.size_bytes[one] ?? 0));
}

/**
 * The picture cut along its longer side, in proportion to two sizes.
 * @param {number} first @param {number} second @param {number} aspect @returns {{ first: Place, second: Place }}
 */
function twoParts(first, second, aspect) {
  const sum = first + second;
  if (first === 0 || second === 0) return { first: WHOLE, second: WHOLE };
  const cut = Math.min(Math.max(first / sum, PART_MIN), 1 - PART_MIN);
  if (aspect >= 1) return { first: { x: 0, y: 0, w: cut, h: 1 }, second: { x: cut, y: 0, w: 1 - cut, h: 1 } };
  return { first: { x: 0, y: 0, w: 1, h: cut }, second: { x: 0, y: cut, w: 1, h: 1 - cut } };
}

/** @param {Box} pool */
function arenaIndexOf(pool) {
  return /** @type {Box} */ (pool.parent).index;
}
