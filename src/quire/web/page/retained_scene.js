// The tree of dominators: what would be free without an object, as nested rectangles in proportion to bytes.
import { t } from "./words.js";
import { bytes, count, share } from "./units.js";
import { currentPalette, mixed } from "./palette.js";
import { squarify } from "./squarify.js";

/** @typedef {import("./treemap.js").Box} Box */
/** @typedef {import("./treemap.js").Scene} Scene */
/** @typedef {import("./source.js").RetainedAnswer} RetainedAnswer */
/**
 * @typedef {object} TreeNode
 * @property {TreeNode | null} parent
 * @property {TreeNode[]} children the largest first
 * @property {number} kind as in the answer; 3: the object itself beside what it retains
 * @property {number} type
 * @property {number} retained in bytes
 * @property {number} own in bytes
 * @property {number} members
 * @property {number} objects
 * @property {string} address
 * @property {string} label
 * @property {boolean} isLoaded its own tree was asked for
 */

const OBJECT = 0;
const OTHERS = 2;
const ITSELF = 3;
const UNTYPED = 0xffffffff;
const ITSELF_SHARE = 0.005;

/** @implements {Scene} */
export class RetainedScene {
  /**
   * @param {RetainedAnswer} answer
   * @param {{ types: string[], type_order: number[] }} about
   */
  constructor(answer, about) {
    this.about = about;
    this.palette = currentPalette();
    /** @type {Map<number, number>} */
    this.typeColours = new Map();
    /** @type {TreeNode[]} */
    this.nodes = [];
    this.colourTypes();
    this.tree = this.grown(answer, null);
    this.root = this.box(null, this.tree, { x: 0, y: 0, w: 1, h: 1 }, 1);
  }

  // --- the tree ---

  /**
   * Nodes of an answer.
   * @param {RetainedAnswer} answer
   * @param {TreeNode | null} place what the answer's first row is already; null: it is the whole
   * @returns {TreeNode}
   */
  grown(answer, place) {
    /** @type {TreeNode[]} */
    const made = [];
    for (let row = 0; row < answer.kind.length; row += 1) {
      const parent = row === 0 ? null : made[answer.parent[row] ?? 0] ?? null;
      const node = row === 0 && place !== null ? place : nodeOf(answer, row, parent);
      made.push(node);
      parent?.children.push(node);
    }
    for (const node of made) finish(node);
    return /** @type {TreeNode} */ (made[0]);
  }

  /** Put what was asked for in the place of what was cut off. @param {Box} box @param {RetainedAnswer} answer */
  graft(box, answer) {
    const node = this.nodeOf(box);
    node.children = [];
    this.grown(answer, node);
    node.isLoaded = true;
    box.children = null;
    box.childCount = node.children.length;
  }

  /** Whether smaller parts of it can be asked for. @param {Box} box */
  hasMore(box) {
    const node = this.nodeOf(box);
    return node.kind === OBJECT && node.address !== "" && !node.isLoaded && node.children.some((each) => each.members > 1);
  }

  /** @param {Box} box @returns {TreeNode} */
  nodeOf(box) {
    return /** @type {TreeNode} */ (this.nodes[box.index]);
  }

  // --- boxes ---

  /** @param {number} aspect */
  layOut(aspect) {
    this.nodes = [];
    this.root = this.box(null, this.tree, { x: 0, y: 0, w: 1, h: 1 }, aspect);
  }

  /** @param {Box} box */
  open(box) {
    if (box.children !== null) return box.children;
    const { children } = this.nodeOf(box);
    const weights = children.map((each) => Math.max(each.retained, 1));
    const places = squarify(weights, box.aspect || 1);
    box.children = children.map((child, index) => {
      const place = places[index] ?? { x: 0, y: 0, w: 0, h: 0 };
      return this.box(box, child, place, place.h > 0 ? (box.aspect * place.w) / place.h : 1);
    });
    return box.children;
  }

  /**
   * @param {Box | null} parent @param {TreeNode} node
   * @param {{ x: number, y: number, w: number, h: number }} place @param {number} aspect
   * @returns {Box}
   */
  box(parent, node, place, aspect) {
    const index = this.nodes.push(node) - 1;
    const colour = this.colourOf(node);
    return {
      key: node.address, parent, index, aspect, childCount: node.children.length, hasTitle: true,
      x: place.x, y: place.y, w: place.w, h: place.h, children: null, colour, ground: this.groundOf(node, colour),
    };
  }

  paint() {
    return false;
  }

  /** The box of an object. @param {string} address @returns {Box | null} */
  find(address) {
    const node = findNode(this.tree, address);
    if (node === null) return null;
    /** @type {TreeNode[]} */
    const way = [];
    for (let each = /** @type {TreeNode | null} */ (node); each !== null && each !== this.tree; each = each.parent) way.push(each);
    let box = this.root;
    for (const each of way.reverse()) {
      const inner = this.open(box).find((child) => this.nodeOf(child) === each);
      if (inner === undefined) return box;
      box = inner;
    }
    return box;
  }

  /** Smaller parts are asked for by the view. */
  isWaiting() {
    return false;
  }

  // --- colours ---

  recolour() {
    this.palette = currentPalette();
    this.colourTypes();
    const waiting = [this.root];
    for (let box = waiting.pop(); box !== undefined; box = waiting.pop()) {
      box.colour = this.colourOf(this.nodeOf(box));
      box.ground = this.groundOf(this.nodeOf(box), box.colour);
      for (const child of box.children ?? []) waiting.push(child);
    }
  }

  colourTypes() {
    this.typeColours = new Map(this.about.type_order.map((type, rank) => [type, this.palette.categories[rank] ?? this.palette.grey]));
  }

  /** @param {TreeNode} node */
  colourOf(node) {
    const colour = this.typeColours.get(node.type) ?? this.palette.grey;
    return node.kind === OBJECT ? colour : mixed(colour, this.palette.surface, node.kind === ITSELF ? 0.2 : 0.35);
  }

  /** @param {TreeNode} node @param {number} colour */
  groundOf(node, colour) {
    return node.parent === null ? this.palette.ground : mixed(colour, this.palette.surface, 0.72);
  }

  // --- words ---

  /** @param {Box} box */
  title(box) {
    const node = this.nodeOf(box);
    return box.parent === null ? this.words(node) : `${this.words(node)}  ${bytes(node.retained)}`;
  }

  /** @param {TreeNode} node */
  words(node) {
    const type = this.about.types[node.type] ?? "";
    if (node.kind === ITSELF) return t("tree.itself", { type });
    if (node.kind === OTHERS) return t("tree.others", { count: count(node.members) });
    if (node.kind !== OBJECT) return `${count(node.members)} × ${type}`;
    if (node.type === UNTYPED) return t("tree.roots");
    return node.label === "" || node.label === type ? type : `${node.label} · ${type}`;
  }

  /** @param {Box} box */
  describe(box) {
    return this.facts(box).map(([name, value]) => `${name}: ${value}`).join(", ");
  }

  /** @param {Box} box @returns {[string, string][]} */
  facts(box) {
    const node = this.nodeOf(box);
    const above = node.parent?.retained ?? node.retained;
    const isObject = node.kind === OBJECT && node.type !== UNTYPED;
    return [
      [t("fact.what"), this.words(node)],
      ...(isObject ? [/** @type {[string, string]} */ ([t("fact.address"), node.address])] : []),
      [t("fact.retained"), `${bytes(node.retained)} (${share(node.retained, this.tree.retained)})`],
      ...(node.parent === null ? [] : [/** @type {[string, string]} */ ([t("fact.of_parent"), share(node.retained, above)])]),
      ...(isObject ? [/** @type {[string, string]} */ ([t("fact.own"), bytes(node.own)])] : []),
      [t("fact.objects"), count(node.objects)],
    ];
  }

  /** Whether the box is one object. @param {Box} box */
  isObject(box) {
    const node = this.nodeOf(box);
    return (node.kind === OBJECT || node.kind === ITSELF) && node.type !== UNTYPED;
  }
}

/** @param {RetainedAnswer} answer @param {number} row @param {TreeNode | null} parent @returns {TreeNode} */
function nodeOf(answer, row, parent) {
  const kind = answer.kind[row] ?? OTHERS;
  return {
    parent, children: [], kind,
    type: answer.type[row] ?? UNTYPED,
    retained: answer.retained_bytes[row] ?? 0,
    own: answer.own_bytes[row] ?? 0,
    members: answer.members[row] ?? 1,
    objects: answer.objects[row] ?? 1,
    address: kind === OBJECT && answer.type[row] !== UNTYPED ? answer.address[row] ?? "" : "",
    label: answer.label[row] ?? "",
    isLoaded: false,
  };
}

/** A part for the object itself, where it is seen; the largest first. @param {TreeNode} node */
function finish(node) {
  if (node.children.length === 0) return;
  if (node.kind === OBJECT && node.own >= node.retained * ITSELF_SHARE && node.own > 0) {
    node.children.push({
      ...node, parent: node, children: [], kind: ITSELF, retained: node.own, members: 1, objects: 1, label: "",
    });
  }
  node.children.sort((a, b) => b.retained - a.retained);
}

/** @param {TreeNode} tree @param {string} address */
function findNode(tree, address) {
  const waiting = [tree];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.address === address && node.kind === OBJECT) return node;
    for (const child of node.children) waiting.push(child);
  }
  return null;
}
