import pytest
from PIL import Image

from fusecli.errors import OutputError, UsageError
from fusecli.evaluation import plots

matplotlib = pytest.importorskip("matplotlib", reason="the extra fusecli[evaluate] is not installed")

VALUES = {"ours": (1.0, 2.0, 3.0), "$x_1$ & <b>": (2.0, 3.0, 4.0), "third": (0.0, 1.0, 2.0)}


@pytest.fixture
def evaluation(compared):
    return compared({"QABF": VALUES, "NABF": VALUES, "SCD": VALUES})


def test_a_radar_and_a_box_plot_for_each_metric_are_made_as_png_and_svg(evaluation, tmp_path):
    plots.write(evaluation, tmp_path / "plots")
    names = ("box_NABF", "box_QABF", "box_SCD", "radar")
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        f"{name}.{kind}" for name in names for kind in ("png", "svg")
    ]
    with Image.open(tmp_path / "plots" / "radar.png") as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    assert {tuple(bytes.fromhex(color[1:])) for color in plots.COLORS[:3]} <= colors
    assert tuple(bytes.fromhex(plots.COLORS[3][1:])) not in colors


def test_the_same_comparison_gives_the_same_svg(evaluation, tmp_path):
    for name in ("one", "two"):
        plots.write(evaluation, tmp_path / name)
    one, two = ((tmp_path / name / "radar.svg").read_bytes() for name in ("one", "two"))
    assert one == two


def test_outward_is_better_whichever_way_the_metric_goes(evaluation):
    methods = evaluation.methods
    quality, artifacts, _ = evaluation.metrics
    assert plots.outward(quality, methods) == pytest.approx([(1 + plots.INNER) / 2, 1, plots.INNER])
    assert plots.outward(artifacts, methods) == pytest.approx([(1 + plots.INNER) / 2, plots.INNER, 1])


def test_a_metric_that_is_best_near_0_is_drawn_as_the_table_marks_it(compared):
    """The mean of swinging is 0, and yet every one of its values is far from it."""
    evaluation = compared({"QSF": {"swinging": (-0.6, 0.6), "near": (-0.1, -0.1), "between": (0.3, 0.3)}})
    (metric,) = evaluation.metrics
    assert metric.methods["swinging"].mean == 0
    assert [metric.methods[name].place for name in evaluation.methods] == [3, 1, 2]
    assert plots.outward(metric, evaluation.methods) == pytest.approx([plots.INNER, 1, plots.INNER + 0.75 * 0.6])


def test_where_all_means_are_equal_all_lie_on_the_rim(compared):
    evaluation = compared({"QABF": {"a": (1.0, 2.0), "b": (2.0, 1.0)}})
    assert plots.outward(evaluation.metrics[0], evaluation.methods) == [1, 1]


def test_two_metrics_make_no_radar(compared, tmp_path):
    plots.write(compared({"QABF": VALUES, "NABF": VALUES}), tmp_path / "plots")
    assert not (tmp_path / "plots" / "radar.png").exists()
    assert (tmp_path / "plots" / "box_QABF.svg").exists()


def test_plots_replace_only_plots_and_only_if_they_may(evaluation, tmp_path):
    folder = tmp_path / "plots"
    plots.write(evaluation, folder)
    with pytest.raises(OutputError, match="exists already"):
        plots.write(evaluation, folder)
    plots.write(evaluation, folder, overwrite=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="was not replaced"):
        plots.write(evaluation, folder, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_no_text_of_a_plot_lies_on_another_or_outside(compared):
    """Ten methods and all metrics that tables have room for: the boxes of all words, as they are drawn."""
    from fusecli.catalog import METRICS

    names = [f"method {k} of ten" for k in range(10)]
    values = {key: {name: (k % 3 + 0.5, k + 1.0) for k, name in enumerate(names)} for key in METRICS}
    evaluation = compared(values)
    figures = [plots.radar(evaluation, evaluation.metrics), plots.boxes(evaluation, evaluation.metrics[-1])]
    for figure in figures:
        words = drawn_texts(figure)
        assert len(words) > 10
        assert [word for word, box in words if not inside(box, figure.bbox)] == []
        assert [(a, b) for k, (a, one) in enumerate(words) for b, two in words[:k] if overlap(one, two)] == []


def drawn_texts(figure):
    from matplotlib.text import Text

    figure.draw_without_rendering()
    beyond = {label for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in unseen(axis)}
    found = [text for text in figure.findobj(Text) if text.get_text().strip() and text not in beyond]
    return [(text.get_text(), text.get_window_extent()) for text in found]


def unseen(axis):
    """The labels that an axis keeps ready beyond its ends."""
    low, high = sorted(axis.get_view_interval())
    return [
        label
        for at, label in zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
        if not low <= at <= high
    ]


def inside(box, whole):
    return box.x0 >= 0 and box.y0 >= 0 and box.x1 <= whole.x1 and box.y1 <= whole.y1


def overlap(one, two):
    return min(one.x1, two.x1) - max(one.x0, two.x0) > 1 and min(one.y1, two.y1) - max(one.y0, two.y0) > 1


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as caught:
        plots.check_plots(tmp_path / "plots")
    assert "fusecli[evaluate]" in caught.value.hint
