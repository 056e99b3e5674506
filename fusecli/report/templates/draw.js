// What color a voxel has in each image, as a 32-bit word of the canvas.
const OPAQUE = 0xff000000;

function tableFrom(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const table = new Uint32Array(bytes.length / 3);
  for (let n = 0; n < table.length; n++) {
    table[n] = (OPAQUE | (bytes[3 * n + 2] << 16) | (bytes[3 * n + 1] << 8) | bytes[3 * n]) >>> 0;
  }
  return table;
}

function greyTable() {
  return Uint32Array.from({ length: 256 }, (_, n) => (OPAQUE | (n * 0x010101)) >>> 0);
}

// ITU-R BT.601, as everywhere in fusecli.
function luma(word) {
  return Math.round(0.299 * (word & 255) + 0.587 * ((word >> 8) & 255) + 0.114 * ((word >> 16) & 255));
}

class Colors {
  constructor(stacks, tables) {
    this.stacks = stacks;
    this.grey = greyTable();
    this.difference = tableFrom(tables.difference);
    this.moving = tables.moving ? tableFrom(tables.moving) : this.grey;
    this.fused = tables.fused ? tableFrom(tables.fused) : null;
  }

  level(name, at) {
    const stack = this.stacks[name];
    return stack.isColor ? luma(stack.voxels[at]) : stack.voxels[at];
  }

  // A function of the voxel's place in the arrays.
  of(name, against) {
    const stack = this.stacks[name];
    if (name === "difference") {
      return (at) => this.difference[this.level("fused", at) - this.level(against, at) + 255];
    }
    if (stack.isColor) return (at) => stack.voxels[at] | OPAQUE;
    if (name === "fused" && this.fused) {
      const { moving } = this.stacks;
      return (at) => this.fused[(stack.voxels[at] << 8) | moving.voxels[at]];
    }
    const table = name === "moving" ? this.moving : this.grey;
    return (at) => table[stack.voxels[at]];
  }
}

// Where a picture of a plane begins in the arrays, and how far it is to the next pixel across and down.
function walk(plane, shape, index) {
  const strides = [shape[1] * shape[2], shape[2], 1];
  const ends = (axis, flip) => (flip ? (shape[axis] - 1) * strides[axis] : 0);
  return {
    start: index * strides[plane.through] + ends(plane.across, plane.flip_across) + ends(plane.down, plane.flip_down),
    across: strides[plane.across] * (plane.flip_across ? -1 : 1),
    down: strides[plane.down] * (plane.flip_down ? -1 : 1),
    width: shape[plane.across],
    height: shape[plane.down],
  };
}

// Draws with the color that `colorAt(place, x, y)` gives to each pixel.
function paint(canvas, path, colorAt) {
  if (canvas.width !== path.width) canvas.width = path.width;
  if (canvas.height !== path.height) canvas.height = path.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(path.width, path.height);
  const words = new Uint32Array(image.data.buffer);
  let n = 0;
  for (let y = 0; y < path.height; y++) {
    let at = path.start + y * path.down;
    for (let x = 0; x < path.width; x++, at += path.across) words[n++] = colorAt(at, x, y);
  }
  context.putImageData(image, 0, 0);
}
