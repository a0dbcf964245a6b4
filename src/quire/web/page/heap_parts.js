// What the heap is made of, as the map has it: arenas of pools, arenas of runs, mappings; and what the columns say of each.

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./source.js").PoolColumns} PoolColumns */
/** @typedef {import("./source.js").LargeColumns} LargeColumns */
/** @typedef {import("./source.js").HeapColumns} HeapColumns */
/** @typedef {{ first: number, last: number, address: number, hasRuns: boolean }} Arena rows from the first up to the last, not included: of pools, or of large blocks */
/** @typedef {"run" | "hole" | "untouched" | "mapping" | "kept"} LargeState */

export const NO_ROW = 0xffffffff;
export const SLOT_BYTES = 16384;
export const FIRST_BLOCK_BYTES = 48;
const TABLE_BIT = 0x80000000;
const STATE_BITS = 3;
const SEALED_BIT = 4;
const SPENT_BIT = 8;
const CAPACITY_MAX = 4096;
/** @type {LargeState[]} as the snapshot numbers them */
const LARGE_STATES = ["run", "hole", "untouched", "mapping", "kept"];
const FIRST_STATE_OUTSIDE = 3;

/** By the first letter of a box's key; the heap's own is "". */
export const ARENA_KIND = "a";
export const POOL_KIND = "p";
export const BLOCK_KIND = "b";
export const RUN_KIND = "r";
export const GROUP_KIND = "g";
export const MAPPING_KIND = "m";

/** @param {Box} box */
export function kindOf(box) {
  return box.key.charAt(0);
}

/** Whether the box is a row of the large blocks. @param {Box} box */
export function isLarge(box) {
  const kind = kindOf(box);
  return kind === RUN_KIND || kind === MAPPING_KIND;
}

/** @param {LargeColumns} large @param {number} row @returns {LargeState} */
export function largeStateOf(large, row) {
  return LARGE_STATES[large.flags[row] ?? 0] ?? "hole";
}

/** Whether it serves a request. @param {LargeColumns} large @param {number} row */
export function isLiveLarge(large, row) {
  const state = largeStateOf(large, row);
  return state === "run" || state === "mapping";
}

/** Where the rows begin that lie in no arena. @param {LargeColumns} large */
export function mappingsBegin(large) {
  const first = large.flags.findIndex((each) => each >= FIRST_STATE_OUTSIDE);
  return first < 0 ? large.flags.length : first;
}

/** How many blocks a pool has room for. @param {PoolColumns} pools @param {number} pool */
export function capacityOf(pools, pool) {
  const block = pools.block_bytes[pool] ?? 0;
  const size = pools.size_bytes[pool] ?? 0;
  const room = size === SLOT_BYTES ? size - FIRST_BLOCK_BYTES : size;
  return block > 0 ? Math.min(Math.max(Math.floor(room / block), 1), CAPACITY_MAX) : 1;
}

/** In the order of their addresses. @param {HeapColumns} heap @param {number} arenaBytes @returns {Arena[]} */
export function arenasOf({ pools, large }, arenaBytes) {
  const ofPools = arenasAt(pools.address, arenaBytes, false);
  const ofRuns = arenasAt(large.address.subarray(0, mappingsBegin(large)), arenaBytes, true);
  return ofRuns.length === 0 ? ofPools : [...ofPools, ...ofRuns].sort((one, other) => one.address - other.address);
}

/** @param {Float64Array} addresses ascending @param {number} arenaBytes @param {boolean} hasRuns @returns {Arena[]} */
function arenasAt(addresses, arenaBytes, hasRuns) {
  /** @type {Arena[]} */
  const arenas = [];
  for (let row = 0; row < addresses.length; row += 1) {
    const address = Math.floor((addresses[row] ?? 0) / arenaBytes) * arenaBytes;
    const last = arenas.at(-1);
    if (last !== undefined && last.address === address) last.last = row + 1;
    else arenas.push({ first: row, last: row + 1, address, hasRuns });
  }
  return arenas;
}

/** @param {number} type */
export function isTable(type) {
  return type !== NO_ROW && type >= TABLE_BIT;
}

/** @param {number} type */
export function typeRow(type) {
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
