// Where the data comes from: the server that serves the page, or the file that it is in. The same names from both.

/** @typedef {{ label: string, gloss: string, end_bytes: number, peak_bytes: number }} MemoryRow */
/** @typedef {{ pid: number, command: string, number: number }} LiveTold */
/**
 * @typedef {object} About
 * @property {string} quire
 * @property {string} title
 * @property {string} command
 * @property {string} python
 * @property {number} objects
 * @property {number} size_bytes
 * @property {number | null} references
 * @property {number} foreign_blocks
 * @property {number} foreign_bytes
 * @property {number} pools
 * @property {number} runs
 * @property {number} mappings
 * @property {number} large_bytes of runs and mappings
 * @property {number} arenas
 * @property {number} arena_bytes
 * @property {string[]} types
 * @property {number[]} type_order rows of types, those with most bytes first
 * @property {MemoryRow[]} memory
 * @property {{ where: string, objects: number, size_bytes: number }[]} lies
 * @property {"known" | "no_references" | "no_core"} retained
 * @property {string | null} compared_with
 * @property {LiveTold | null} live
 * @property {boolean} has_blocks
 * @property {number | null} objects_told how many objects are in the file; null: any can be asked for
 */
/** @typedef {{ module: string, type: string, count: number, size_bytes: number, retained_bytes: number | null }} TypeRow */
/** @typedef {{ objects: number, size_bytes: number, foreign_blocks: number, foreign_bytes: number, rows: TypeRow[], modules: TypeRow[], row_count: number }} TypesAnswer */
/** @typedef {{ type: string, place: string, blocks: number, live_bytes: number, arenas: number, pinned_bytes: number }} PinRow */
/** @typedef {{ address: string, pools: number, live_bytes: number, resident_bytes: number, pinned_bytes: number, type: string, place: string }} ArenaRow */
/** @typedef {{ pinned_bytes: number, pools: number, sealed_pools: number, rows: PinRow[], arenas: ArenaRow[] }} PinsAnswer */
/**
 * @typedef {object} RetainedAnswer columns; a parent stands before its children, and the first row is the whole
 * @property {number[]} parent
 * @property {number[]} kind 0: an object, 1: several of one type, 2: of several types
 * @property {number[]} type
 * @property {number[]} retained_bytes
 * @property {number[]} own_bytes
 * @property {number[]} members
 * @property {number[]} objects
 * @property {string[]} address
 * @property {string[]} label
 */
/** @typedef {{ address: string, type: string, size_bytes: number }} ObjectRow */
/** @typedef {{ address: string, type: string, size_bytes: number, held: string, where: string }} ReferenceRow */
/** @typedef {{ address: string, type: string, where: string }} StepRow */
/**
 * @typedef {object} ObjectAnswer
 * @property {string} address
 * @property {string} type
 * @property {number} size_bytes
 * @property {number} own_bytes
 * @property {number | null} count
 * @property {string} known
 * @property {string} where
 * @property {string | null} pool
 * @property {{ retained_bytes: number, objects: number, dominators: ObjectRow[] } | null} retained
 * @property {string} root
 * @property {string} way
 * @property {StepRow[]} steps
 * @property {number} steps_left_out
 * @property {number} referrer_count
 * @property {ReferenceRow[]} referrers
 * @property {number} reference_count
 * @property {ReferenceRow[]} references
 */
/** @typedef {{ type: string, place: string, came: number, came_bytes: number, went: number, went_bytes: number, grew: number, grew_bytes: number }} DifferenceRow */
/** @typedef {{ objects_before: number, objects_after: number, before_bytes: number, after_bytes: number, rows: DifferenceRow[], row_count: number }} DifferenceAnswer */
/** @typedef {{ number: number, seconds: number, rss_bytes: number, pss_bytes: number | null, swap_bytes: number }} SampleRow */
/** @typedef {{ has_ended: boolean, every_seconds: number, rows: SampleRow[] }} SamplesAnswer */
/** @typedef {{ end: Uint32Array, slot: Uint16Array, type: Uint32Array }} BlockColumns */
/**
 * @typedef {object} PoolColumns a row for each pool, by address
 * @property {Float64Array} address
 * @property {Uint32Array} size_bytes
 * @property {Uint32Array} block_bytes
 * @property {Uint32Array} live
 * @property {Uint32Array} resident_bytes
 * @property {Uint32Array} pinned_bytes
 * @property {Uint8Array} flags
 * @property {Uint32Array} type
 * @property {Uint32Array} known
 */
/**
 * @typedef {object} LargeColumns a row for each run, hole, mapping and kept piece: those in arenas first, by address
 * @property {Float64Array} address
 * @property {Float64Array} size_bytes
 * @property {Float64Array} resident_bytes
 * @property {Uint8Array} flags
 * @property {Uint32Array} type of the object in it, or whose table it is
 */
/** @typedef {{ pools: PoolColumns, large: LargeColumns }} HeapColumns */
/**
 * @typedef {object} Source
 * @property {boolean} canAsk whether any object can be asked for
 * @property {() => Promise<About>} about
 * @property {() => Promise<HeapColumns>} heap
 * @property {(first: number, last: number) => Promise<BlockColumns | null>} blocks of these pools; null: not in the file
 * @property {() => Promise<TypesAnswer>} types
 * @property {() => Promise<PinsAnswer>} pins
 * @property {(at: string | null) => Promise<RetainedAnswer>} retained
 * @property {(text: string) => Promise<ObjectAnswer | null>} object null: not in the file
 * @property {() => Promise<DifferenceAnswer>} difference
 * @property {(since: number) => Promise<SamplesAnswer>} samples
 * @property {() => Promise<void>} take another snapshot of the live process
 */

/** The server says in a sentence what is wrong. */
export class Refused extends Error {}

/** @returns {Source} */
export function openSource() {
  return document.getElementById("data-about") === null ? new ServerSource() : new FileSource();
}

// --- from the server ---------------------------------------------------------------------------------------------

/** @implements {Source} */
class ServerSource {
  canAsk = true;
  /** @type {number | null} which snapshot of a live process is shown */
  number = null;

  async about() {
    const about = await ask("about");
    this.number = about.live?.number ?? null;
    return about;
  }

  /** A name with the snapshot's number. @param {string} name */
  shown(name) {
    return this.number === null ? name : `${name}${name.includes("?") ? "&" : "?"}number=${this.number}`;
  }

  heap() {
    return heapColumns(async (name) => (await fetched(this.shown(`column/${name}`))).arrayBuffer());
  }

  /** @param {number} first @param {number} last @returns {Promise<BlockColumns | null>} */
  async blocks(first, last) {
    const whole = await (await fetched(this.shown(`blocks?from=${first}&to=${last}`))).arrayBuffer();
    const lengths = new Uint32Array(whole, 0, 4);
    const slotAt = HEAD_BYTES + aligned(lengths[0] ?? 0);
    const typeAt = slotAt + aligned(lengths[1] ?? 0);
    return {
      end: new Uint32Array(whole, HEAD_BYTES, (lengths[0] ?? 0) / 4),
      slot: new Uint16Array(whole, slotAt, (lengths[1] ?? 0) / 2),
      type: new Uint32Array(whole, typeAt, (lengths[2] ?? 0) / 4),
    };
  }

  types() {
    return ask(this.shown("types"));
  }

  pins() {
    return ask(this.shown("pins"));
  }

  /** @param {string | null} at */
  retained(at) {
    return ask(this.shown(at === null ? "retained" : `retained?at=${encodeURIComponent(at)}`));
  }

  /** @param {string} text */
  object(text) {
    return ask(this.shown(`object?at=${encodeURIComponent(text)}`));
  }

  difference() {
    return ask(this.shown("difference"));
  }

  /** @param {number} since */
  samples(since) {
    return ask(`samples?since=${since}`);
  }

  async take() {
    await fetched("snapshot", { method: "POST" });
  }
}

const HEAD_BYTES = 16;
const CONFLICT = 409;

/** @param {number} length */
function aligned(length) {
  return (length + 3) & ~3;
}

/**
 * Where the server holds another snapshot than is shown, the page is loaded again, once: then it knows the new number.
 * @param {string} name
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
async function fetched(name, options) {
  const response = await fetch(`data/${name}`, options);
  if (response.ok) return response;
  if (response.status === CONFLICT && options === undefined) {
    location.reload();
    return new Promise(() => {});
  }
  const answer = await response.json().catch(() => ({}));
  throw new Refused(String(answer.error ?? response.status));
}

/** @param {string} name @returns {Promise<any>} */
async function ask(name) {
  return (await fetched(name)).json();
}

// --- from this file ----------------------------------------------------------------------------------------------

/** @implements {Source} */
class FileSource {
  canAsk = false;

  about() {
    return embedded("about");
  }

  heap() {
    return heapColumns((name) => inflated(`column-${name}`));
  }

  /** @type {Promise<BlockColumns> | null} */
  all = null;

  /** @param {number} first @param {number} last @returns {Promise<BlockColumns | null>} */
  async blocks(first, last) {
    if (document.getElementById("column-blocks_end") === null) return null;
    this.all ??= embeddedBlocks();
    const all = await this.all;
    const begin = first > 0 ? all.end[first - 1] ?? 0 : 0;
    const stop = last > 0 ? all.end[last - 1] ?? 0 : 0;
    return {
      end: all.end.slice(first, last).map((each) => each - begin),
      slot: all.slot.subarray(begin, stop),
      type: all.type.subarray(begin, stop),
    };
  }

  types() {
    return embedded("types");
  }

  pins() {
    return embedded("pins");
  }

  retained() {
    return embedded("retained");
  }

  /** @param {string} text @returns {Promise<ObjectAnswer | null>} */
  async object(text) {
    const objects = await embedded("objects");
    return Object.hasOwn(objects, text) ? objects[text] : null;
  }

  difference() {
    return embedded("difference");
  }

  /** @returns {Promise<SamplesAnswer>} */
  async samples() {
    return { has_ended: true, every_seconds: 1, rows: [] };
  }

  async take() {
    throw new Refused("");
  }
}

/** @type {Map<string, Promise<any>>} */
const parsed = new Map();

/** @param {string} name @returns {Promise<any>} */
function embedded(name) {
  let found = parsed.get(name);
  if (found === undefined) {
    found = inflated(`data-${name}`).then((content) => JSON.parse(new TextDecoder().decode(content)));
    parsed.set(name, found);
  }
  return found;
}

/** @returns {Promise<BlockColumns>} */
async function embeddedBlocks() {
  const [end, slot, type] = await Promise.all(["end", "slot", "type"].map((name) => inflated(`column-blocks_${name}`)));
  const none = new ArrayBuffer(0);
  return { end: new Uint32Array(end ?? none), slot: new Uint16Array(slot ?? none), type: new Uint32Array(type ?? none) };
}

/** The content of an element: base64, compressed. @param {string} id @returns {Promise<ArrayBuffer>} */
async function inflated(id) {
  const text = atob(document.getElementById(id)?.textContent ?? "");
  const packed = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) packed[index] = text.charCodeAt(index);
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

const POOL_COLUMNS = ["address", "size_bytes", "block_bytes", "live", "resident_bytes", "pinned_bytes", "flags", "type", "known"];
const NO_BYTES = new ArrayBuffer(0);
const LARGE_COLUMNS = ["address", "size_bytes", "resident_bytes", "flags", "type"];

/** All at once. @param {(name: string) => Promise<ArrayBuffer>} read @returns {Promise<HeapColumns>} */
async function heapColumns(read) {
  const names = [...POOL_COLUMNS.map((name) => `pool_${name}`), ...LARGE_COLUMNS.map((name) => `large_${name}`)];
  const buffers = await Promise.all(names.map(read));
  return { pools: poolColumns(buffers.slice(0, POOL_COLUMNS.length)), large: largeColumns(buffers.slice(POOL_COLUMNS.length)) };
}

/** @param {ArrayBuffer[]} buffers @returns {PoolColumns} */
function poolColumns(buffers) {
  const [address, size, block, live, resident, pinned, flags, type, known] = buffers;
  return {
    address: doubles(address),
    size_bytes: words(size),
    block_bytes: words(block),
    live: words(live),
    resident_bytes: words(resident),
    pinned_bytes: words(pinned),
    flags: octets(flags),
    type: words(type),
    known: words(known),
  };
}

/** @param {ArrayBuffer[]} buffers @returns {LargeColumns} */
function largeColumns(buffers) {
  const [address, size, resident, flags, type] = buffers;
  return { address: doubles(address), size_bytes: doubles(size), resident_bytes: doubles(resident), flags: octets(flags), type: words(type) };
}

/** @param {ArrayBuffer | undefined} buffer */
function octets(buffer) {
  return new Uint8Array(buffer ?? NO_BYTES);
}

/** @param {ArrayBuffer | undefined} buffer */
function words(buffer) {
  return new Uint32Array(buffer ?? NO_BYTES);
}

/** @param {ArrayBuffer | undefined} buffer */
function doubles(buffer) {
  return new Float64Array(buffer ?? NO_BYTES);
}
