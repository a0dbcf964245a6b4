// Colours, for light and for dark. Categories are told apart by people who confuse red and green: Okabe and Ito's hues,
// each with a lightness of its own. Ramps grow darker on a light page and lighter on a dark one.

/** @typedef {number} Packed 0xAABBGGRR */
/** @typedef {{ isDark: boolean, ground: Packed, surface: Packed, grey: Packed, line: string, ink: string, categories: Packed[], ramp: Packed[], states: Record<"empty" | "used" | "full" | "sealed" | "spent" | "free", Packed> }} Palette */

const LIGHT = {
  ground: "#eceef1",
  surface: "#f7f8f9",
  grey: "#b3b9c2",
  line: "#ffffff",
  ink: "#16191d",
  categories: ["#1f77b4", "#e59a1c", "#14967b", "#c2669b", "#63b4e4", "#cf5b17", "#8a7bc8", "#d9c840"],
  ramp: ["#e3ecf4", "#b5d0e6", "#74aad2", "#3a7fb8", "#1d568f", "#123763"],
  states: { empty: "#dfe3e8", used: "#a9cdea", full: "#22669f", sealed: "#14967b", spent: "#e3b457", free: "#dfe6ec" },
};
const DARK = {
  ground: "#191d22",
  surface: "#1f242a",
  grey: "#596370",
  line: "#0f1215",
  ink: "#f2f5f8",
  categories: ["#4d9fdc", "#e9a83a", "#2bb397", "#d684b2", "#8fcff2", "#e57b3d", "#a497dd", "#e8dc6f"],
  ramp: ["#232b34", "#264560", "#2a628e", "#3b86bd", "#74b3dd", "#bfe0f5"],
  states: { empty: "#262c33", used: "#2c506e", full: "#69b3e7", sealed: "#2bb397", spent: "#c9953a", free: "#27303a" },
};

/** @returns {Palette} */
export function currentPalette() {
  const isDark = document.documentElement.dataset.theme === "dark";
  const colours = isDark ? DARK : LIGHT;
  return {
    isDark,
    ground: packed(colours.ground),
    surface: packed(colours.surface),
    grey: packed(colours.grey),
    line: colours.line,
    ink: colours.ink,
    categories: colours.categories.map(packed),
    ramp: colours.ramp.map(packed),
    states: {
      empty: packed(colours.states.empty),
      used: packed(colours.states.used),
      full: packed(colours.states.full),
      sealed: packed(colours.states.sealed),
      spent: packed(colours.states.spent),
      free: packed(colours.states.free),
    },
  };
}

/** @param {string} text like #1f77b4 @returns {Packed} */
export function packed(text) {
  const value = Number.parseInt(text.slice(1), 16);
  return pack(value >> 16, (value >> 8) & 255, value & 255);
}

/** @param {number} red @param {number} green @param {number} blue @returns {Packed} */
function pack(red, green, blue) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** @param {Packed} colour */
export function cssOf(colour) {
  return `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
}

/**
 * Between two colours.
 * @param {Packed} from
 * @param {Packed} to
 * @param {number} part 0: the first, 1: the second
 * @returns {Packed}
 */
export function mixed(from, to, part) {
  const rest = 1 - part;
  return pack(
    Math.round((from & 255) * rest + (to & 255) * part),
    Math.round(((from >> 8) & 255) * rest + ((to >> 8) & 255) * part),
    Math.round(((from >> 16) & 255) * rest + ((to >> 16) & 255) * part),
  );
}

/**
 * @param {Packed[]} ramp
 * @param {number} part from 0 to 1
 * @returns {Packed}
 */
export function onRamp(ramp, part) {
  const place = Math.min(Math.max(part, 0), 1) * (ramp.length - 1);
  const low = Math.min(Math.floor(place), ramp.length - 2);
  return mixed(ramp[low] ?? 0, ramp[low + 1] ?? 0, place - low);
}

/**
 * Whether dark letters are read better on the colour than light ones.
 * @param {Packed} colour
 */
export function isLight(colour) {
  const linear = (/** @type {number} */ value) => (value / 255) ** 2.2;
  const luminance =
    0.2126 * linear(colour & 255) + 0.7152 * linear((colour >> 8) & 255) + 0.0722 * linear((colour >> 16) & 255);
  return luminance > 0.22;
}

/** The mean of colours that are added one by one. */
export class Mean {
  red = 0;
  green = 0;
  blue = 0;
  weight = 0;

  /** @param {Packed} colour @param {number} weight */
  add(colour, weight) {
    this.red += (colour & 255) * weight;
    this.green += ((colour >> 8) & 255) * weight;
    this.blue += ((colour >> 16) & 255) * weight;
    this.weight += weight;
  }

  /** @param {Packed} otherwise where nothing was added @returns {Packed} */
  colour(otherwise) {
    if (this.weight <= 0) return otherwise;
    return pack(
      Math.round(this.red / this.weight),
      Math.round(this.green / this.weight),
      Math.round(this.blue / this.weight),
    );
  }
}
