// One picture on the page: a canvas with the sides' letters, a crosshair, and for Swipe a border.
class Pane {
  constructor(element, onPlace, onBorder) {
    this.element = element;
    this.frame = element.firstElementChild;
    this.canvas = this.frame.querySelector("canvas");
    this.border = this.frame.querySelector(".border");
    this.title = this.frame.querySelector("em");
    this.onPlace = onPlace;
    this.onBorder = onBorder;
    this.swipes = false;
    this.listen();
  }

  setPlane(plane, shape) {
    this.plane = plane;
    this.shape = shape;
    const width = shape[plane.across] * plane.pixel_mm[0];
    const height = shape[plane.down] * plane.pixel_mm[1];
    this.frame.style.aspectRatio = `${width} / ${height}`;
    // The large picture keeps its square whatever it shows, so that nothing jumps; the others need no empty space.
    if (this.element.id !== "big") this.element.style.aspectRatio = Math.max(1, width / height);
    this.frame.style.width = `${Math.min(1, width / height) * 100}%`;
    for (const [n, side] of ["left", "right", "upper", "lower"].entries()) {
      this.frame.querySelector(`.${side}`).textContent = plane.edges[n];
    }
  }

  listen() {
    let dragging = false;
    const follow = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const across = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
      const down = Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1);
      if (this.swipes) this.onBorder(across);
      else this.place(across, down);
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragging = true;
      this.canvas.setPointerCapture(event.pointerId);
      follow(event);
    });
    this.canvas.addEventListener("pointermove", (event) => dragging && follow(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => (dragging = false));
  }

  place(across, down) {
    const index = (axis, share, flip) => {
      const n = Math.min(Math.floor(share * this.shape[axis]), this.shape[axis] - 1);
      return flip ? this.shape[axis] - 1 - n : n;
    };
    const { plane } = this;
    this.onPlace([
      [plane.across, index(plane.across, across, plane.flip_across)],
      [plane.down, index(plane.down, down, plane.flip_down)],
    ]);
  }

  draw(at, colorAt, name, label) {
    paint(this.canvas, walk(this.plane, this.shape, at[this.plane.through]), colorAt);
    const share = (axis, flip) => ((flip ? this.shape[axis] - 1 - at[axis] : at[axis]) + 0.5) / this.shape[axis];
    this.frame.querySelector(".v").style.left = `${share(this.plane.across, this.plane.flip_across) * 100}%`;
    this.frame.querySelector(".h").style.top = `${share(this.plane.down, this.plane.flip_down) * 100}%`;
    this.title.textContent = name;
    this.canvas.setAttribute("aria-label", label);
  }

  showBorder(share) {
    this.swipes = share !== null;
    this.border.hidden = !this.swipes;
    if (this.swipes) this.border.style.left = `${share * 100}%`;
  }
}
