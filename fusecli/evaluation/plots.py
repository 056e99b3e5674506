"""A comparison as pictures: a radar over all metrics, and box plots for each, as PNG and SVG.

Colors are those of Okabe and Ito (Color Universal Design, 2008) without yellow, which is faint on white; methods also
differ in line and marker.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fusecli.atomic import check_may_be_written, replacing
from fusecli.errors import UsageError
from fusecli.evaluation.summary import Evaluation, MetricSummary, values_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")
INNER = 0.25  # radius of the worst mean, so that its corner can still be seen
FEWEST_AXES = 3
CROWDED = 24  # axes, beyond which a radar is made larger
LEGEND_COLUMNS = 4
DOTS_PER_INCH = 150

_NAMES = re.compile(r"(radar|box_[A-Za-z0-9_]+)\.(png|svg)")


def check_plots(folder: Path, *, overwrite: bool = False) -> None:
    """Whether plots may be made in a new folder `folder`.

    Raises UsageError without matplotlib; OutputError as `check_may_be_written` does. With `overwrite` a folder is
    replaced only if it holds nothing but such plots.
    """
    if find_spec("matplotlib") is None:
        raise UsageError("--plots needs matplotlib.", hint="Install it: pip install 'fusecli[evaluate]'")
    check_may_be_written(folder, overwrite=overwrite, folder_of=_NAMES)


def write(evaluation: Evaluation, folder: Path, *, overwrite: bool = False) -> None:
    """Make `folder` with radar.png, radar.svg, box_KEY.png and box_KEY.svg, whole or not at all.

    There is no radar of fewer than three metrics. Raises as `check_plots` does.
    """
    check_plots(folder, overwrite=overwrite)
    with replacing(folder, overwrite=overwrite, folder_of=_NAMES) as temporary:
        temporary.mkdir()
        for name, figure in _figures(evaluation):
            with _style():
                figure.savefig(temporary / f"{name}.png", dpi=DOTS_PER_INCH)
                figure.savefig(temporary / f"{name}.svg", metadata={"Date": None})


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, "Figure"]]:
    axes = [metric for metric in evaluation.metrics if metric.methods]
    if len(axes) >= FEWEST_AXES:
        yield "radar", radar(evaluation, axes)
    for metric in axes:
        yield f"box_{metric.key}", boxes(evaluation, metric)


def radar(evaluation: Evaluation, metrics: Sequence[MetricSummary]) -> "Figure":
    """One axis for each metric, from the worst mean of all methods on the inner ring to the best on the rim."""
    with _style():
        figure, axes = _round(len(metrics), len(evaluation.methods))
        angles = np.linspace(0, 2 * np.pi, len(metrics), endpoint=False)
        radii = np.array([outward(metric, evaluation.methods) for metric in metrics])
        around = np.append(np.arange(len(metrics)), 0)
        for k, method in enumerate(evaluation.methods):
            axes.plot(angles[around], radii[around, k], label=_short(method), **_look(k))
        _dress_radar(axes, angles, [metric.key for metric in metrics])
        figure.suptitle("Means of all methods: outward is better", fontsize=13)
        figure.text(
            0.5, 0.015, "Each axis by itself: dashed ring = worst mean, rim = best mean.", ha="center", fontsize=9
        )
        figure.legend(loc="lower center", bbox_to_anchor=(0.5, 0.035), ncols=LEGEND_COLUMNS)
    return figure


def outward(metric: MetricSummary, methods: Sequence[str]) -> list[float]:
    """How far out each method lies on a metric's axis: INNER for the worst mean, 1 for the best; 1 if all are equal."""
    good = np.array([metric.methods[method].goodness for method in methods])
    span = float(np.ptp(good))
    share = (good - good.min()) / span if span > 0 else np.ones_like(good)
    return [float(number) for number in INNER + (1 - INNER) * share]


def boxes(evaluation: Evaluation, metric: MetricSummary) -> "Figure":
    """The scores of each method over all pairs: median, quartiles, whiskers to 1.5 of their distance, and outliers."""
    from matplotlib.figure import Figure

    values = values_of(evaluation, metric)
    with _style():
        figure = Figure(figsize=(8, 1.6 + 0.42 * len(values)), layout="constrained")
        axes: Any = figure.add_subplot()
        drawn = axes.boxplot(
            list(values.values()), orientation="horizontal", widths=0.6, patch_artist=True, showmeans=True, **_BOX
        )
        for k, box in enumerate(drawn["boxes"]):
            box.set(facecolor=(COLORS[k % len(COLORS)], 0.45))
        axes.set_yticks(range(1, len(values) + 1), [_short(method) for method in values])
        axes.invert_yaxis()
        axes.set_title(f"{metric.key}: {metric.title}", fontsize=11)
        facts = (metric.unit, _DIRECTION[metric.better], f"{len(metric.pairs)} pairs", "diamond: mean")
        axes.set_xlabel(" · ".join(fact for fact in facts if fact != "1"), fontsize=9)
    return figure


@contextmanager
def _style() -> Iterator[None]:
    """Our own settings whatever the user's are; the salt makes an SVG come out the same every time."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.hashsalt"] = "fusecli"
        mpl.rcParams["text.parse_math"] = False  # a method may have a $ in its name
        mpl.rcParams["axes.grid"] = True
        mpl.rcParams["grid.color"] = "0.88"
        yield


def _round(metrics: int, methods: int) -> "tuple[Figure, Any]":
    """A figure with round axes, and room around them for a title, for the metrics' names and for the legend."""
    from matplotlib.figure import Figure

    side = 5.4 if metrics <= CROWDED else 8.6  # inches
    below = 1.1 + 0.25 * -(-methods // LEGEND_COLUMNS)
    width, height = side + 3.0, side + below + 1.1
    figure = Figure(figsize=(width, height))
    rectangle = (1.5 / width, below / height, side / width, side / height)
    return figure, figure.add_axes(rectangle, projection="polar")


def _dress_radar(axes: Any, angles: Any, keys: Sequence[str]) -> None:
    axes.set_theta_offset(np.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.plot(np.linspace(0, 2 * np.pi, 181), np.full(181, INNER), color="0.5", linestyle=(0, (4, 3)), linewidth=1)
    axes.set_xticks(angles, [""] * len(keys))
    axes.spines["polar"].set_color("0.5")
    for angle, key in zip(angles.tolist(), keys, strict=True):
        across = np.sin(angle)
        side = "center" if abs(across) < 0.1 else "left" if across > 0 else "right"
        axes.text(angle, 1.06, key, ha=side, va="center", fontsize=10 if len(keys) <= CROWDED else 9)


def _look(k: int) -> dict[str, Any]:
    color, line = COLORS[k % len(COLORS)], LINES[k % len(LINES)]
    return {
        "color": color,
        "linestyle": line,
        "marker": MARKERS[k % len(MARKERS)],
        "linewidth": 1.6,
        "markersize": 5,
        "clip_on": False,
    }


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"


_DIRECTION = {"higher": "higher is better", "lower": "lower is better", "zero": "nearer to 0 is better"}
_BOX: Mapping[str, Any] = {
    "medianprops": {"color": "black", "linewidth": 1.5},
    "meanprops": {"marker": "D", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 5},
    "flierprops": {"marker": "o", "markersize": 4, "markerfacecolor": "none", "markeredgecolor": "0.3"},
}
