// The state of the page, and everything that changes it.
class Viewer {
  constructor(facts) {
    this.facts = facts;
    this.shape = facts.shape;
    this.at = [...facts.start];
    this.plane = facts.planes.findIndex((plane) => plane.through === 0);
    this.mode = "fused";
    this.against = "fixed";
    this.border = 0.5;
    this.tile = 32;
    this.stacks = Object.fromEntries(
      Object.entries(facts.is_color).map(([name, isColor]) => [
        name,
        new Stack(`stack-${name}`, this.shape, isColor, facts.media_type),
      ]),
    );
    this.colors = new Colors(this.stacks, facts.colors);
    this.makePanes();
    this.makeSliders();
    this.makeChoices();
    this.draw();
  }

  makePanes() {
    const onPlace = (changes) => this.move(changes);
    const pane = (element) => new Pane(element, onPlace, (share) => this.setBorder(share));
    this.big = pane(document.getElementById("big"));
    this.panes = [...document.querySelectorAll(".pane[data-show]")].map((element) => {
      const made = pane(element);
      made.name = element.dataset.show;
      made.setPlane(this.facts.planes[element.dataset.in], this.shape);
      return made;
    });
    this.big.canvas.addEventListener("keydown", (event) => this.onKey(event));
    for (const one of [this.big, ...this.panes]) {
      one.canvas.addEventListener("pointerdown", () => (this.active = one));
      one.canvas.addEventListener("wheel", (event) => this.onWheel(event, one), { passive: false });
    }
    for (const button of document.querySelectorAll("button.go")) {
      button.addEventListener("click", () => this.goTo(button.dataset.voxel.split(" ").map(Number)));
    }
  }

  makeSliders() {
    this.sliders = this.facts.planes.map((plane, n) => {
      const slider = document.getElementById(`slice-${n}`);
      this.wire(slider, () => this.facts.planes[n]);
      return slider;
    });
    this.bigSlider = document.getElementById("big-slice");
    this.wire(this.bigSlider, () => this.facts.planes[this.plane]);
    const swipe = document.getElementById("swipe");
    swipe.addEventListener("input", () => this.setBorder(swipe.value / 100));
    const tile = document.getElementById("tile");
    tile.addEventListener("input", () => {
      this.tile = Number(tile.value);
      this.draw();
    });
  }

  wire(slider, plane) {
    slider.addEventListener("input", () => this.move([[plane().through, Number(slider.value)]]));
  }

  makeChoices() {
    const choose = (id, change) =>
      document.getElementById(id)?.addEventListener("change", (event) => {
        change(event.target.value);
        this.draw();
      });
    choose("modes", (value) => (this.mode = value));
    choose("against", (value) => (this.against = value));
    choose("which-plane", (value) => (this.plane = Number(value)));
  }

  onKey(event) {
    const plane = this.facts.planes[this.plane];
    const across = plane.flip_across ? -1 : 1;
    const down = plane.flip_down ? -1 : 1;
    const [axis, step] = {
      ArrowLeft: [plane.across, -across],
      ArrowRight: [plane.across, across],
      ArrowUp: [plane.down, -down],
      ArrowDown: [plane.down, down],
      PageUp: [plane.through, 1],
      PageDown: [plane.through, -1],
    }[event.key] ?? [null, 0];
    if (axis === null || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.move([[axis, this.at[axis] + step]]);
  }

  // Turns slices only in the picture that was clicked last, so that the page can still be scrolled everywhere else.
  onWheel(event, pane) {
    if (pane !== this.active || event.ctrlKey) return;
    event.preventDefault();
    const axis = pane.plane.through;
    this.move([[axis, this.at[axis] - Math.sign(event.deltaY)]]);
  }

  move(changes) {
    for (const [axis, index] of changes) this.at[axis] = Math.min(Math.max(index, 0), this.shape[axis] - 1);
    this.draw();
  }

  goTo(voxel) {
    this.move(voxel.map((index, axis) => [axis, Math.floor(index / this.facts.steps[axis])]));
    this.big.canvas.focus();
  }

  setBorder(share) {
    this.border = share;
    this.draw();
  }

  // At most once per frame, however fast a slider moves.
  draw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.drawBig();
      for (const pane of this.panes) {
        pane.draw(this.at, this.colors.of(pane.name, this.against), "", this.describe(pane.name, pane.plane));
      }
      this.tell();
    });
  }

  drawBig() {
    const plane = this.facts.planes[this.plane];
    this.big.setPlane(plane, this.shape);
    const isMixed = this.mode === "swipe" || this.mode === "checker";
    const colorAt = isMixed ? this.mixed(plane) : this.colors.of(this.mode, this.against);
    this.big.draw(this.at, colorAt, this.nameOf(this.mode), this.describe(this.mode, plane));
    this.big.showBorder(this.mode === "swipe" ? this.border : null);
  }

  mixed(plane) {
    const source = this.colors.of(this.against);
    const fused = this.colors.of("fused");
    if (this.mode === "swipe") {
      const border = Math.round(this.border * this.shape[plane.across]);
      return (at, x) => (x < border ? source(at) : fused(at));
    }
    const width = this.tile;
    const height = (this.tile * plane.pixel_mm[0]) / plane.pixel_mm[1];
    return (at, x, y) => ((Math.floor(x / width) + Math.floor(y / height)) % 2 ? fused(at) : source(at));
  }

  nameOf(mode) {
    const source = this.against.toUpperCase();
    const names = {
      difference: `FUSED − ${source}`,
      swipe: `${source} | FUSED`,
      checker: `${source} and FUSED in squares`,
    };
    return names[mode] ?? mode.toUpperCase();
  }

  describe(mode, plane) {
    return `${this.nameOf(mode)}, ${plane.name} ${this.place(plane)}`;
  }

  // "12 of 0 to 23, z −22.0 mm": numbers as --slice counts them.
  place(plane) {
    const step = this.facts.steps[plane.through];
    const index = this.at[plane.through];
    const number = `${index * step} of 0 to ${(this.shape[plane.through] - 1) * step}`;
    if (!plane.axis) return number;
    const millimetres = plane.start_mm + (index * step + (step - 1) / 2) * plane.step_mm;
    return `${number}, ${plane.axis} ${signed(millimetres)} mm`;
  }

  tell() {
    const planes = this.facts.planes;
    for (const [n, slider] of this.sliders.entries()) this.tellSlider(slider, planes[n]);
    this.tellSlider(this.bigSlider, planes[this.plane]);
    const swipes = this.mode === "swipe";
    document.getElementById("swipe-row").hidden = !swipes;
    document.getElementById("tile-row").hidden = this.mode !== "checker";
    document.getElementById("against").disabled = !["difference", "swipe", "checker"].includes(this.mode);
    document.getElementById("swipe").value = Math.round(this.border * 100);
    setOutput("swipe", `${Math.round(this.border * 100)} %`);
    setOutput("tile", `${this.tile} pixels`);
    for (const element of document.querySelectorAll("[data-difference]")) {
      element.textContent = this.nameOf("difference");
    }
    this.tellValues();
    this.announce(this.describe(this.mode, planes[this.plane]));
  }

  // To a screen reader, and only when it has come to rest. A slider in focus speaks for itself.
  announce(text) {
    clearTimeout(this.announcing);
    if (text === this.announced || document.activeElement?.type === "range") return;
    this.announcing = setTimeout(() => {
      if (this.announced !== undefined) document.getElementById("announce").textContent = text;
      this.announced = text;
    }, 300);
  }

  tellSlider(slider, plane) {
    slider.closest("label").hidden = this.shape[plane.through] < 2;
    slider.max = this.shape[plane.through] - 1;
    slider.value = this.at[plane.through];
    slider.setAttribute("aria-valuetext", this.place(plane));
    setOutput(slider.id, this.place(plane));
  }

  tellValues() {
    const at = (this.at[0] * this.shape[1] + this.at[1]) * this.shape[2] + this.at[2];
    for (const name of ["fixed", "moving"]) setReading(name, inUnit(this.colors.level(name, at), this.facts.ranges[name]));
    setReading("fused", (this.colors.level("fused", at) / 255).toFixed(2));
    setReading("voxel", this.at.map((index, axis) => index * this.facts.steps[axis]).join(", "));
  }
}

function signed(value) {
  const rounded = value.toFixed(1).replace(/^-(0\.0)$/, "$1");
  return rounded.replace("-", "−");
}

function inUnit(level, range) {
  const { low, high, unit } = range;
  const value = low + (level / 255) * (high - low);
  const digits = Math.abs(high - low) >= 100 ? 0 : Math.abs(high - low) >= 10 ? 1 : 2;
  const isTop = level === 255 ? high >= low : level === 0 ? low > high : null;
  const mark = level > 0 && level < 255 ? "" : isTop ? "≥ " : "≤ ";
  return `${mark}${value.toFixed(digits).replace("-", "−")} ${unit}`.trim();
}

function setOutput(id, text) {
  document.querySelector(`output[for="${id}"]`).textContent = text;
}

function setReading(name, text) {
  document.querySelector(`[data-read="${name}"]`).textContent = text;
}
