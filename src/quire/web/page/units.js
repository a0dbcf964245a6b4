// Sizes, counts and addresses as people read them, in the language of the page.
import { language } from "./words.js";

const STEPS = /** @type {const} */ ([["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]);

/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * @param {number} digits behind the point
 * @returns {Intl.NumberFormat}
 */
function format(digits) {
  const key = `${language()} ${digits}`;
  let found = formats.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formats.set(key, found);
  }
  return found;
}

/**
 * `1,234,567`.
 * @param {number} value
 */
export function count(value) {
  return format(0).format(value);
}

/**
 * `64 B`, `12.5 KiB`, `3.4 MiB`: three digits that mean something.
 * @param {number} value in bytes
 */
export function bytes(value) {
  for (const [unit, step] of STEPS) {
    if (Math.abs(value) >= step) {
      const scaled = value / step;
      return `${format(Math.abs(scaled) >= 100 ? 0 : 1).format(scaled)} ${unit}`;
    }
  }
  return `${count(value)} B`;
}

/**
 * With a sign, for a change.
 * @param {number} value in bytes
 */
export function change(value) {
  return value > 0 ? `+${bytes(value)}` : value < 0 ? `−${bytes(-value)}` : "0 B";
}

/**
 * `12 %`; less than one with a digit more.
 * @param {number} part
 * @param {number} whole
 */
export function share(part, whole) {
  const percent = whole > 0 ? (100 * part) / whole : 0;
  if (percent > 0 && percent < 0.05) return `<${format(1).format(0.1)} %`;
  return `${format(percent > 0 && percent < 10 ? 1 : 0).format(percent)} %`;
}

/**
 * @param {number} address below 2^53
 */
export function hex(address) {
  return `0x${address.toString(16)}`;
}

/**
 * `59 s`, `3 min 05 s`.
 * @param {number} value
 */
export function seconds(value) {
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}
