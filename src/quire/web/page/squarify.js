// Rectangles in proportion to their weights, as square as can be (Bruls, Huizing and van Wijk, 2000).

/** @typedef {{ x: number, y: number, w: number, h: number }} Place */

/**
 * Places in the unit square.
 * @param {number[]} weights above 0, the largest first
 * @param {number} aspect how many times as wide as high the square is shown
 * @returns {Place[]}
 */
export function squarify(weights, aspect) {
  const total = weights.reduce((sum, each) => sum + each, 0);
  /** @type {Place[]} */
  const places = [];
  const free = { x: 0, y: 0, w: aspect, h: 1 };
  const scale = aspect / (total || 1);
  let begin = 0;
  while (begin < weights.length) {
    const side = Math.min(free.w, free.h);
    const end = rowEnd(weights, begin, side, scale);
    placeRow(weights, begin, end, scale, free, places);
    begin = end;
  }
  for (const place of places) {
    place.x /= aspect;
    place.w /= aspect;
  }
  return places;
}

/**
 * Where the row that begins there ends: one more would make its worst rectangle longer.
 * @param {number[]} weights
 * @param {number} begin
 * @param {number} side
 * @param {number} scale
 */
function rowEnd(weights, begin, side, scale) {
  const largest = (weights[begin] ?? 0) * scale;
  let area = 0;
  let worst = Infinity;
  let end = begin;
  while (end < weights.length) {
    const each = (weights[end] ?? 0) * scale;
    const wider = area + each;
    const ratio = Math.max((side * side * largest) / (wider * wider), (wider * wider) / (side * side * each));
    if (ratio > worst) break;
    worst = ratio;
    area = wider;
    end += 1;
  }
  return Math.max(end, begin + 1);
}

/**
 * Lay the row along the shorter side of what is free, and take its room away.
 * @param {number[]} weights
 * @param {number} begin
 * @param {number} end
 * @param {number} scale
 * @param {Place} free
 * @param {Place[]} places
 */
function placeRow(weights, begin, end, scale, free, places) {
  let area = 0;
  for (let index = begin; index < end; index += 1) area += (weights[index] ?? 0) * scale;
  const isColumn = free.w >= free.h;
  const thick = area / (isColumn ? free.h : free.w) || 0;
  let at = isColumn ? free.y : free.x;
  for (let index = begin; index < end; index += 1) {
    const long = ((weights[index] ?? 0) * scale) / thick || 0;
    places.push(isColumn ? { x: free.x, y: at, w: thick, h: long } : { x: at, y: free.y, w: long, h: thick });
    at += long;
  }
  if (isColumn) {
    free.x += thick;
    free.w -= thick;
  } else {
    free.y += thick;
    free.h -= thick;
  }
}
