// Slices of one volume, decoded one by one into one array: a byte per voxel, or red, green, blue, alpha of a color picture.
class Stack {
  constructor(id, [slices, rows, columns], isColor, type) {
    this.type = type;
    this.encoded = JSON.parse(document.getElementById(id).textContent);
    this.rows = rows;
    this.columns = columns;
    this.isColor = isColor;
    this.voxels = new (isColor ? Uint32Array : Uint8Array)(slices * rows * columns);
  }

  async load(k) {
    const bytes = Uint8Array.from(atob(this.encoded[k]), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: this.type }));
    const pixels = Stack.pixels(bitmap);
    const size = this.rows * this.columns;
    if (this.isColor) this.voxels.set(pixels, k * size);
    else for (let n = 0; n < size; n++) this.voxels[k * size + n] = pixels[n] & 255;
    this.encoded[k] = null;
  }

  // As 32-bit words, red in the lowest byte: every browser of today runs on little-endian processors.
  static pixels(bitmap) {
    Stack.canvas ??= document.createElement("canvas");
    Stack.canvas.width = bitmap.width;
    Stack.canvas.height = bitmap.height;
    const context = Stack.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return new Uint32Array(context.getImageData(0, 0, Stack.canvas.width, Stack.canvas.height).data.buffer);
  }
}

// Loads all slices, the nearest to the one that is being looked at first, a few at a time.
class Loader {
  constructor(stacks, count, current, onSlice) {
    this.stacks = stacks;
    this.current = current;
    this.onSlice = onSlice;
    this.waiting = Array.from({ length: count }, (_, k) => k);
    this.count = count;
    this.done = 0;
  }

  async run() {
    await Promise.all([this.work(), this.work(), this.work()]);
  }

  async work() {
    while (this.waiting.length) {
      const k = this.next();
      await Promise.all(this.stacks.map((stack) => stack.load(k)));
      this.done++;
      this.onSlice(k);
    }
  }

  next() {
    const here = this.current();
    let best = 0;
    for (let n = 1; n < this.waiting.length; n++) {
      if (Math.abs(this.waiting[n] - here) < Math.abs(this.waiting[best] - here)) best = n;
    }
    return this.waiting.splice(best, 1)[0];
  }
}
