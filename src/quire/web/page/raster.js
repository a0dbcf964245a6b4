// Filled rectangles as pixels in an array: 100,000 of them take milliseconds, where a canvas's own take a frame's time and more.

/** Colours are numbers, 0xAABBGGRR: as a little-endian canvas has them in memory. */
export class Raster {
  /**
   * @param {number} width in device pixels
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  /** @param {number} colour */
  clear(colour) {
    this.pixels.fill(colour);
  }

  /**
   * Fill from (x0, y0) up to (x1, y1), which are not included; what is outside of the picture is cut off.
   * @param {number} x0 whole numbers, all four
   * @param {number} y0
   * @param {number} x1
   * @param {number} y1
   * @param {number} colour
   */
  fill(x0, y0, x1, y1, colour) {
    const left = x0 < 0 ? 0 : x0;
    const right = x1 > this.width ? this.width : x1;
    const top = y0 < 0 ? 0 : y0;
    const bottom = y1 > this.height ? this.height : y1;
    if (left >= right) return;
    const pixels = this.pixels;
    if (right - left < 24) {
      for (let y = top; y < bottom; y += 1) {
        const row = y * this.width;
        for (let x = row + left; x < row + right; x += 1) pixels[x] = colour;
      }
      return;
    }
    for (let y = top; y < bottom; y += 1) pixels.fill(colour, y * this.width + left, y * this.width + right);
  }
}
