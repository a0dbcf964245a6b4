// The widget: nested rectangles with zoom. A scene says what they are; here they are drawn, zoomed, chosen.
//
//   +-- title ------------------+   places of children are parts of what is left beneath the title, which keeps its
//   | +---------+ +-----------+ |   size on the screen; so a layout is made once, and the camera alone moves
//   | | child   | | child     | |
//   +---------------------------+
import { make } from "./dom.js";
import { cssOf, currentPalette, isLight } from "./palette.js";
import { Raster } from "./raster.js";

/** @typedef {import("./palette.js").Packed} Packed */
/**
 * @typedef {object} Box
 * @property {string} key names it in links
 * @property {Box | null} parent
 * @property {number} x of its parent's content, from 0 to 1, as y, w, h
 * @property {number} y
 * @property {number} w
 * @property {number} h
 * @property {number} aspect width by height, as laid out
 * @property {number} childCount
 * @property {Box[] | null} children null: not laid out yet
 * @property {Packed} colour where it is not opened
 * @property {Packed} ground behind its children
 * @property {boolean} hasTitle
 * @property {number} index the scene's
 */
/**
 * @typedef {object} Scene
 * @property {Box} root
 * @property {(box: Box) => Box[]} open its children, laid out; none where they are not known yet
 * @property {(box: Box) => string} title
 * @property {(box: Box) => string} describe in a sentence
 * @property {(box: Box, raster: Raster, x: number, y: number, w: number, h: number) => boolean} paint
 *   what is in it, past boxes; false: it has to be opened
 * @property {(aspect: number) => void} layOut begin anew in a view of another shape
 * @property {() => void} recolour
 * @property {() => boolean} isWaiting for something that it has asked for, and that is drawn once it is there
 */
/** @typedef {{ x: number, y: number, w: number, h: number }} Rect in device pixels */
/** @typedef {{ x: number, y: number, k: number }} Camera the root's corner, and how many times the view's size it has */
/** @typedef {{ box: Box, rect: Rect, isTitle: boolean, fill: Packed }} Label */

const AREA_MIN = 4;
const SIDE_MIN = 5;
const TITLE = 19;
const PADDING = 3;
const LABELS_MAX = 500;
const ZOOM_MAX = 1e7;
const FLY_MS = 260;
const PIXELS_MAX = 4_200_000;
const MOVED_MIN = 4;

/** How much of the box beneath its title is its children's. @param {Box} box @param {Rect} rect @param {number} dpr @returns {Rect} */
function contentOf(box, rect, dpr) {
  const width = rect.w / dpr;
  const height = rect.h / dpr;
  const padding = Math.min(Math.max(Math.min(width, height) * 0.02, 0), PADDING) * dpr;
  const room = Math.min(Math.max((width - 34) / 30, 0), 1);
  const title = box.hasTitle ? Math.min(Math.max((height - 30) * 0.5, 0), TITLE) * room * dpr : 0;
  const top = Math.max(title, padding);
  return { x: rect.x + padding, y: rect.y + top, w: Math.max(rect.w - 2 * padding, 0), h: Math.max(rect.h - top - padding, 0) };
}

/** @param {Box} child @param {Rect} content @returns {Rect} */
function placed(child, content) {
  return {
    x: content.x + child.x * content.w,
    y: content.y + child.y * content.h,
    w: child.w * content.w,
    h: child.h * content.h,
  };
}

/** @param {Box} box @param {number} w @param {number} h */
function opens(box, w, h) {
  return box.childCount > 0 && w > SIDE_MIN && h > SIDE_MIN && w * h >= box.childCount * AREA_MIN;
}

export class Treemap {
  /**
   * @param {Scene} scene
   * @param {{ label: string, help: string, onSelect: (box: Box) => void, onEnter: (box: Box) => void, onOpen: (box: Box) => void }} told
   *   what it is called; who hears of a box that is chosen, zoomed into, asked for
   */
  constructor(scene, told) {
    this.scene = scene;
    this.told = told;
    const help = make("span", { id: "treemap-help", class: "hidden" }, told.help);
    this.canvas = make("canvas", {
      tabindex: 0,
      role: "application",
      "aria-label": told.label,
      "aria-describedby": "treemap-help",
      "aria-busy": "true",
      class: "treemap-canvas",
    });
    this.said = make("div", { "aria-live": "polite", class: "hidden" });
    this.element = make("div", { class: "treemap" }, this.canvas, help, this.said);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d", { alpha: false }));
    /** @type {Camera} */
    this.camera = { x: 0, y: 0, k: 1 };
    this.raster = new Raster(1, 1);
    this.dpr = 1;
    /** @type {Box} */
    this.selected = scene.root;
    /** @type {Box | null} */
    this.hovered = null;
    /** @type {Label[]} */
    this.labels = [];
    this.isDirty = false;
    this.isDrawn = false;
    this.aspect = 0;
    /** @type {{ from: Camera, to: Camera, began: number } | null} */
    this.flight = null;
    /** @type {Map<string, number>} */
    this.widths = new Map();
    /** @type {Map<number, { x: number, y: number }>} */
    this.pointers = new Map();
    this.moved = 0;
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
  }

  stop() {
    this.observer.disconnect();
    this.isDirty = true; // no frame is asked for any more
  }

  // --- what callers ask ---

  /** Draw with the next frame. */
  invalidate() {
    if (this.isDirty) return;
    this.isDirty = true;
    this.canvas.setAttribute("aria-busy", "true");
    requestAnimationFrame((time) => this.frame(time));
  }

  /** @param {Box} box @param {boolean} isQuiet whoever listens is not told */
  select(box, isQuiet = false) {
    this.selected = box;
    if (!isQuiet) {
      this.said.textContent = this.scene.describe(box);
      this.told.onSelect(box);
    }
    this.invalidate();
  }

  /** Bring a box to the size of the view. @param {Box} box @param {boolean} isAtOnce */
  flyTo(box, isAtOnce = false) {
    const from = { ...this.camera };
    const to = this.cameraFor(box);
    if (isAtOnce || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.flight = null;
      this.camera = to;
    } else {
      this.flight = { from, to, began: performance.now() };
    }
    this.invalidate();
  }

  /**
   * What lies under the point stays there: not in the root's coordinates, since titles do not grow, but in the box.
   * @param {number} factor @param {number} x in device pixels @param {number} y
   */
  zoom(factor, x, y) {
    this.flight = null;
    const box = this.boxAt(x, y);
    const before = this.rectOf(box);
    const k = Math.min(Math.max(this.camera.k * factor, 1), ZOOM_MAX);
    const scale = k / this.camera.k;
    this.camera = { x: x - (x - this.camera.x) * scale, y: y - (y - this.camera.y) * scale, k };
    const after = this.rectOf(box);
    const partX = (x - before.x) / (before.w || 1);
    const partY = (y - before.y) / (before.h || 1);
    this.camera = this.kept({ x: this.camera.x + x - after.x - partX * after.w, y: this.camera.y + y - after.y - partY * after.h, k });
    this.invalidate();
  }

  /** @param {number} dx in device pixels @param {number} dy */
  pan(dx, dy) {
    this.flight = null;
    this.camera = this.kept({ ...this.camera, x: this.camera.x + dx, y: this.camera.y + dy });
    this.invalidate();
  }

  /** The box beneath a point of the view. @param {number} x in device pixels @param {number} y @returns {Box} */
  boxAt(x, y) {
    let box = this.scene.root;
    let rect = this.rootRect();
    while (opens(box, rect.w, rect.h)) {
      const content = contentOf(box, rect, this.dpr);
      const found = this.scene.open(box).find((child) => {
        const place = placed(child, content);
        return x >= place.x && y >= place.y && x < place.x + place.w && y < place.y + place.h;
      });
      if (found === undefined) break;
      rect = placed(found, content);
      box = found;
    }
    return box;
  }

  /** @param {Box} box @returns {Rect} in device pixels */
  rectOf(box) {
    /** @type {Box[]} */
    const way = [];
    for (let each = /** @type {Box | null} */ (box); each !== null && each.parent !== null; each = each.parent) way.push(each);
    let rect = this.rootRect();
    let above = this.scene.root;
    for (let index = way.length - 1; index >= 0; index -= 1) {
      const each = /** @type {Box} */ (way[index]);
      rect = placed(each, contentOf(above, rect, this.dpr));
      above = each;
    }
    return rect;
  }

  // --- the camera ---

  rootRect() {
    return { x: this.camera.x, y: this.camera.y, w: this.raster.width * this.camera.k, h: this.raster.height * this.camera.k };
  }

  /** The view stays within the root. @param {Camera} camera @returns {Camera} */
  kept(camera) {
    const k = Math.max(camera.k, 1);
    const x = Math.min(Math.max(camera.x, this.raster.width * (1 - k)), 0);
    const y = Math.min(Math.max(camera.y, this.raster.height * (1 - k)), 0);
    return { x, y, k };
  }

  /** Titles keep their size, so a box does not simply scale with the camera: a few steps come close. @param {Box} box */
  cameraFor(box) {
    if (box.parent === null) return { x: 0, y: 0, k: 1 };
    const before = this.camera;
    const margin = 8 * this.dpr;
    for (let step = 0; step < 12; step += 1) {
      const rect = this.rectOf(box);
      const fit = Math.min((this.raster.width - 2 * margin) / rect.w, (this.raster.height - 2 * margin) / rect.h);
      const scale = Math.min(fit, ZOOM_MAX / this.camera.k);
      const x = this.raster.width / 2 - (rect.x + rect.w / 2 - this.camera.x) * scale;
      const y = this.raster.height / 2 - (rect.y + rect.h / 2 - this.camera.y) * scale;
      this.camera = { x, y, k: this.camera.k * scale };
      if (Math.abs(scale - 1) < 1e-3) break;
    }
    const found = this.kept(this.camera);
    this.camera = before;
    return found;
  }

  /** @param {number} time */
  fly(time) {
    if (this.flight === null) return;
    const { from, to, began } = this.flight;
    const part = Math.min((time - began) / FLY_MS, 1);
    const eased = 1 - (1 - Math.max(part, 0)) ** 3;
    if (part >= 1) {
      this.camera = to;
      this.flight = null;
      return;
    }
    const k = from.k * (to.k / from.k) ** eased;
    if (Math.abs(to.k / from.k - 1) < 1e-3) {
      this.camera = { x: from.x + (to.x - from.x) * eased, y: from.y + (to.y - from.y) * eased, k };
    } else {
      const fixedX = (to.x - from.x) / (from.k - to.k); // the point that keeps its place, in units of the root
      const fixedY = (to.y - from.y) / (from.k - to.k);
      this.camera = { x: from.x + from.k * fixedX - k * fixedX, y: from.y + from.k * fixedY - k * fixedY, k };
    }
  }

  // --- drawing ---

  resize() {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth < 2 || clientHeight < 2) return;
    const most = Math.sqrt(PIXELS_MAX / (clientWidth * clientHeight));
    this.dpr = Math.min(window.devicePixelRatio || 1, 2.5, Math.max(most, 1));
    const width = Math.round(clientWidth * this.dpr);
    const height = Math.round(clientHeight * this.dpr);
    if (width === this.raster.width && height === this.raster.height) return;
    const scaleX = width / this.raster.width;
    const scaleY = height / this.raster.height;
    this.raster = new Raster(width, height);
    this.canvas.width = width;
    this.canvas.height = height;
    this.widths.clear();
    if (Math.abs(Math.log(width / height / (this.aspect || 1e-9))) > 0.25) this.layOut(width / height);
    else this.camera = this.kept({ x: this.camera.x * scaleX, y: this.camera.y * scaleY, k: this.camera.k });
    this.invalidate();
  }

  /** @param {number} aspect */
  layOut(aspect) {
    const at = this.selected.key;
    this.aspect = aspect;
    this.scene.layOut(aspect);
    this.camera = { x: 0, y: 0, k: 1 };
    this.flight = null;
    this.hovered = null;
    this.selected = this.scene.root;
    this.onLaidOut(at);
  }

  /** Whoever knows keys finds the box again that was selected. @param {string} _key */
  onLaidOut(_key) {}

  /** @param {number} time */
  frame(time) {
    if (!this.element.isConnected) {
      this.isDirty = false;
      return;
    }
    this.isDirty = false;
    this.fly(time);
    this.draw();
    if (!this.isDrawn) {
      this.isDrawn = true;
      performance.mark("quire-first-picture");
    }
    if (this.flight !== null) this.invalidate();
    else if (!this.scene.isWaiting()) this.canvas.removeAttribute("aria-busy");
  }

  draw() {
    const palette = currentPalette();
    this.labels = [];
    this.raster.clear(palette.ground);
    const { box, rect } = this.innermost();
    this.drawBox(box, rect);
    this.context.putImageData(this.raster.image, 0, 0);
    this.drawLabels();
    if (this.hovered !== null && this.hovered !== this.selected) this.outline(this.hovered, palette.ink, 1);
    if (this.selected.parent !== null) {
      this.outline(this.selected, palette.isDark ? "#000000" : "#ffffff", 4);
      this.outline(this.selected, palette.isDark ? "#ffd866" : "#111111", 2);
    }
  }

  /** The innermost box that fills the view: what is around it is out of sight. */
  innermost() {
    let box = this.scene.root;
    let rect = this.rootRect();
    const { width, height } = this.raster;
    for (;;) {
      if (!opens(box, rect.w, rect.h) || this.hasPaint(box, rect)) return { box, rect };
      const content = contentOf(box, rect, this.dpr);
      const inner = this.scene.open(box).find((child) => {
        const place = placed(child, content);
        return place.x <= 0 && place.y <= 0 && place.x + place.w >= width && place.y + place.h >= height;
      });
      if (inner === undefined) return { box, rect };
      rect = placed(inner, content);
      box = inner;
    }
  }

  /** Whether children are too small for boxes of their own. @param {Box} box @param {Rect} rect */
  hasPaint(box, rect) {
    return (rect.w * rect.h) / box.childCount < 2200 * this.dpr * this.dpr;
  }

  /** @param {Box} box @param {Rect} rect */
  drawBox(box, rect) {
    const { raster } = this;
    if (rect.x >= raster.width || rect.y >= raster.height || rect.x + rect.w <= 0 || rect.y + rect.h <= 0) return;
    const x0 = Math.round(rect.x);
    const y0 = Math.round(rect.y);
    let x1 = Math.round(rect.x + rect.w);
    let y1 = Math.round(rect.y + rect.h);
    if (x1 <= x0 || y1 <= y0) return;
    if (x1 - x0 > 3 && y1 - y0 > 3) {
      const gap = x1 - x0 > 12 && y1 - y0 > 12 ? Math.max(Math.round(this.dpr), 1) : 1;
      x1 -= gap;
      y1 -= gap;
    }
    if (!opens(box, rect.w, rect.h)) {
      raster.fill(x0, y0, x1, y1, box.colour);
      this.label(box, rect, false, box.colour);
      return;
    }
    const content = contentOf(box, rect, this.dpr);
    raster.fill(x0, y0, x1, y1, box.ground);
    const isPainted = this.hasPaint(box, rect) && this.scene.paint(box, raster, content.x, content.y, content.w, content.h);
    if (!isPainted) {
      const children = this.scene.open(box);
      if (children.length === 0) {
        raster.fill(x0, y0, x1, y1, box.colour);
        this.label(box, rect, false, box.colour);
        return;
      }
      for (const child of children) this.drawBox(child, placed(child, content));
    }
    if (box.hasTitle) this.label(box, { ...rect, h: content.y - rect.y }, true, box.ground);
  }

  /** @param {Box} box @param {Rect} rect @param {boolean} isTitle @param {Packed} fill */
  label(box, rect, isTitle, fill) {
    if (this.labels.length >= LABELS_MAX) return;
    if (rect.w < 38 * this.dpr || rect.h < (isTitle ? 12 : 15) * this.dpr) return;
    this.labels.push({ box, rect, isTitle, fill });
  }

  drawLabels() {
    const { context, dpr } = this;
    context.textBaseline = "middle";
    for (const { box, rect, isTitle, fill } of this.labels) {
      const left = Math.max(rect.x, 0) + 5 * dpr;
      const right = Math.min(rect.x + rect.w, this.raster.width) - 5 * dpr;
      context.font = `${isTitle ? 600 : 400} ${(isTitle ? 11.5 : 11) * dpr}px ${FONT}`;
      const text = this.fitted(this.scene.title(box), right - left, isTitle);
      if (text === "") continue;
      const y = isTitle ? Math.max(rect.y, 0) + rect.h / 2 + dpr : Math.max(rect.y, 0) + 10 * dpr;
      if (y > rect.y + rect.h) continue;
      context.fillStyle = isLight(fill) ? "#101418" : "#f6f8fa";
      context.fillText(text, left, y);
    }
  }

  /** As much of the text as fits. @param {string} text @param {number} room @param {boolean} isTitle */
  fitted(text, room, isTitle) {
    const key = `${isTitle ? "t" : "l"}${text}`;
    let width = this.widths.get(key);
    if (width === undefined) {
      if (this.widths.size > 20_000) this.widths.clear();
      width = this.context.measureText(text).width;
      this.widths.set(key, width);
    }
    if (width <= room) return text;
    let letters = Math.floor((text.length * room) / width) - 1;
    while (letters >= 3 && this.context.measureText(`${text.slice(0, letters)}…`).width > room) letters -= 1;
    return letters < 3 ? "" : `${text.slice(0, letters)}…`;
  }

  /** @param {Box} box @param {string} colour @param {number} width */
  outline(box, colour, width) {
    const rect = this.rectOf(box);
    const line = width * this.dpr;
    this.context.lineWidth = line;
    this.context.strokeStyle = colour;
    const x = Math.max(rect.x, -8 * this.dpr) + 1;
    const y = Math.max(rect.y, -8 * this.dpr) + 1;
    const right = Math.min(rect.x + rect.w, this.raster.width + 8 * this.dpr) - 2;
    const bottom = Math.min(rect.y + rect.h, this.raster.height + 8 * this.dpr) - 2;
    this.context.strokeRect(x, y, Math.max(right - x, 1), Math.max(bottom - y, 1));
  }

  // --- pointers ---

  listen() {
    const { canvas } = this;
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.onPointerMove(event));
    canvas.addEventListener("pointerup", (event) => this.onPointerUp(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    canvas.addEventListener("dblclick", (event) => this.enter(this.stepTowards(this.boxOf(event))));
    canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  /** @param {MouseEvent} event */
  pointOf(event) {
    const place = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - place.left) * this.dpr, y: (event.clientY - place.top) * this.dpr };
  }

  /** @param {MouseEvent} event */
  boxOf(event) {
    const { x, y } = this.pointOf(event);
    return this.boxAt(x, y);
  }

  /** @param {WheelEvent} event */
  onWheel(event) {
    event.preventDefault();
    const { x, y } = this.pointOf(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey) this.pan(-(event.deltaX || event.deltaY) * lines * this.dpr, 0);
    else this.zoom(Math.exp(-Math.min(Math.max(event.deltaY * lines, -240), 240) * 0.0022), x, y);
  }

  /** @param {PointerEvent} event */
  onPointerDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.pointOf(event));
    if (this.pointers.size === 1) this.moved = 0;
  }

  /** @param {PointerEvent} event */
  onPointerMove(event) {
    const now = this.pointOf(event);
    const last = this.pointers.get(event.pointerId);
    if (last === undefined) {
      this.hover(this.boxAt(now.x, now.y));
      return;
    }
    this.pointers.set(event.pointerId, now);
    this.moved += Math.hypot(now.x - last.x, now.y - last.y);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other !== undefined) {
      const before = Math.hypot(last.x - other.x, last.y - other.y);
      const after = Math.hypot(now.x - other.x, now.y - other.y);
      this.zoom(after / (before || 1), (now.x + other.x) / 2, (now.y + other.y) / 2);
      this.pan((now.x - last.x) / 2, (now.y - last.y) / 2);
    } else if (this.moved > MOVED_MIN * this.dpr) {
      this.pan(now.x - last.x, now.y - last.y);
    }
  }

  /** @param {PointerEvent} event */
  onPointerUp(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.moved > MOVED_MIN * this.dpr || this.pointers.size > 0) return;
    const box = this.boxOf(event);
    if (box === this.selected && event.pointerType === "touch") this.enter(this.stepTowards(box));
    else this.select(box);
  }

  /** @param {Box | null} box */
  hover(box) {
    if (box === this.hovered) return;
    this.hovered = box;
    this.canvas.title = box === null ? "" : this.scene.title(box);
    this.invalidate();
  }

  /** The outermost box around this one that does not fill the view yet: one step in, not all at once. @param {Box} box */
  stepTowards(box) {
    /** @type {Box} */
    let found = box;
    for (let each = /** @type {Box | null} */ (box); each !== null && !this.isFitted(each); each = each.parent) found = each;
    return found;
  }

  /** Whether the box is as large as the view. @param {Box} box */
  isFitted(box) {
    const rect = this.rectOf(box);
    return Math.max(rect.w / this.raster.width, rect.h / this.raster.height) > 0.9;
  }

  /** @param {Box} box */
  enter(box) {
    this.select(box);
    this.flyTo(box);
    this.told.onEnter(box);
  }

  // --- keys ---

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = { x: this.raster.width / 2, y: this.raster.height / 2 };
    const step = 80 * this.dpr;
    const arrow = ARROWS[event.key];
    if (arrow !== undefined && event.shiftKey) this.pan(-arrow.x * step, -arrow.y * step);
    else if (arrow !== undefined) this.moveSelection(arrow);
    else if (event.key === "Enter") this.enterSelection();
    else if (event.key === "Escape" || event.key === "Backspace") this.leaveSelection();
    else if (event.key === "+" || event.key === "=") this.zoom(1.5, middle.x, middle.y);
    else if (event.key === "-") this.zoom(1 / 1.5, middle.x, middle.y);
    else if (event.key === "Home" || event.key === "0") this.enter(this.scene.root);
    else if (event.key === "o") this.told.onOpen(this.selected);
    else return;
    event.preventDefault();
  }

  /** Into the box; if it is in sight as a whole already, into its first child. */
  enterSelection() {
    const [child] = this.isFitted(this.selected) && this.selected.childCount > 0 ? this.scene.open(this.selected) : [];
    if (child !== undefined) {
      this.select(child);
      this.show(child);
    } else {
      this.enter(this.selected);
    }
  }

  leaveSelection() {
    const above = this.selected.parent;
    if (above !== null) this.enter(above);
  }

  /** To the nearest sibling on that side. @param {{ x: number, y: number }} arrow */
  moveSelection(arrow) {
    const above = this.selected.parent;
    if (above === null) {
      const [child] = this.scene.open(this.selected);
      if (child !== undefined) this.select(child);
      return;
    }
    const from = this.selected;
    const aspect = above.aspect || 1;
    let best = null;
    let least = Infinity;
    for (const each of this.scene.open(above)) {
      const dx = (each.x + each.w / 2 - from.x - from.w / 2) * aspect;
      const dy = each.y + each.h / 2 - from.y - from.h / 2;
      const along = dx * arrow.x + dy * arrow.y;
      const across = Math.abs(dx * arrow.y) + Math.abs(dy * arrow.x);
      if (each === from || along <= 1e-9 || along + 2.5 * across >= least) continue;
      least = along + 2.5 * across;
      best = each;
    }
    if (best === null) return;
    this.select(best);
    this.show(best);
  }

  /** Bring a box into sight, if it is not. @param {Box} box */
  show(box) {
    const rect = this.rectOf(box);
    const isOut = rect.x < 0 || rect.y < 0 || rect.x + rect.w > this.raster.width || rect.y + rect.h > this.raster.height;
    if (isOut || rect.w < 14 * this.dpr || rect.h < 14 * this.dpr) this.flyTo(box.parent !== null && rect.w * rect.h > 400 ? box.parent : box);
  }
}

const FONT = 'system-ui, "Segoe UI", Roboto, "Apple SD Gothic Neo", "Noto Sans CJK KR", "Noto Sans KR", sans-serif';

/** @type {Record<string, { x: number, y: number }>} */
const ARROWS = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** The text colour that is read on a colour, for legends. @param {Packed} colour */
export function swatch(colour) {
  const mark = make("span", { class: "swatch", "aria-hidden": "true" });
  mark.style.background = cssOf(colour);
  return mark;
}
