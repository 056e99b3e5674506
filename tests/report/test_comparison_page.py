"""The page of a comparison, as text and in a browser."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fusecli.errors import OutputError, UsageError
from fusecli.report.comparison import Column, ComparisonPage, Score, check, to_html, write

EVIL = '</script><img src="x" onerror="document.title=`taken`">'


def column(name, scd, *, best=False, level=90):
    return Column(
        name=name,
        title=f"what {name} does",
        picture=np.full((256, 200), level, np.uint8),
        scores={"SCD": Score(scd, best), "NABF": Score(None, reason="flat")},
        costs={"fuse, s": "0.25", "memory, MiB": ""},
        ran_by="numpy, cpu",
    )


@pytest.fixture
def content():
    return ComparisonPage(
        sources={"FIXED, MRI": np.full((256, 200), 30, np.uint8), "MOVING, PET": np.full((256, 200, 3), 60, np.uint8)},
        columns=[
            column("lrc", 1.53, best=True),
            column("max", 1.4412, level=120),
            Column("average", "the mean", None, {}, {}, "", problem="Memory ran out."),
        ],
        better={"SCD": "higher", "NABF": "lower"},
        units={"SCD": "1", "NABF": "1"},
        where="Slice 3",
        measured="Scores are means over 6 slices.",
        cost_note="Each ran by itself.",
        facts=[("FIXED", "MRI"), ("MOVING", "PET")],
        warnings=["MOVING: something"],
    )


def test_pictures_stand_in_the_page_in_the_order_of_the_models(content):
    figures = re.findall(
        r"<figure><figcaption>(.*?)</figcaption>(?:<img src=\"data:image/png;base64,(.*?)\")?", to_html(content)
    )
    assert [caption for caption, _ in figures] == ["FIXED, MRI", "MOVING, PET", "lrc", "max", "average"]
    levels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))[5, 5] for _, data in figures if data]
    assert [np.max(level) for level in levels] == [30, 60, 90, 120]
    assert not figures[-1][1]


def test_the_best_is_marked_and_no_other(content):
    text = to_html(content)
    assert re.findall(r'<strong class="good">(.*?)</strong>', text) == ["1.5300"]
    unmarked = replace(content, columns=[column("lrc", 1.53), column("max", 1.4412)])
    assert "<strong" not in to_html(unmarked)


def test_a_model_that_failed_says_why_and_what_is_not_known_is_a_dash(content):
    text = to_html(content)
    assert "average: Memory ran out." in text
    assert text.count('<td class="number">–</td>') == 2 + 2 + 4  # NABF and memory of two models, all of the third
    assert text.count("NABF: flat</p>") == 1
    assert "Failed" not in to_html(replace(content, columns=content.columns[:2]))


def test_words_from_outside_stay_words(content):
    assert EVIL not in to_html(replace(content, warnings=[EVIL], where=EVIL))


def test_the_page_is_named_html_and_replaces_nothing_unasked(content, tmp_path):
    with pytest.raises(UsageError, match=r"Name it \.html") as caught:
        check(tmp_path / "r.json")
    assert caught.value.exit_code == 2
    path = tmp_path / "r.html"
    write(content, path)
    with pytest.raises(OutputError):
        write(content, path)
    write(replace(content, where="Slice 4"), path, overwrite=True)
    assert "Slice 4" in path.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_browser_shows_every_picture_and_runs_no_words(opened, content):
    page = opened(to_html(replace(content, warnings=[EVIL])))
    images = page.locator(".figures img")
    assert images.count() == 4
    assert all(images.nth(k).evaluate("image => image.naturalWidth") == 200 for k in range(4))
    assert page.title() == "Comparison of 3 models"
    assert page.locator(".warnings li").first.inner_text() == EVIL


@pytest.mark.slow
def test_a_metric_explains_itself_when_it_is_pointed_at(opened, content):
    page = opened(to_html(content))
    tip = page.locator("#def-1")
    assert not tip.is_visible()
    page.get_by_role("button", name="SCD").hover()
    assert tip.is_visible()
    assert tip.inner_text().startswith("Sum of the correlations of differences. How well FUSED")
    page.keyboard.press("Escape")
    assert not tip.is_visible()


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_of_a_comparison_sticks_out_of_the_page(opened, content, width):
    keys = ("IE", "AG", "SD", "SF", "SCD", "VIF", "QABF", "EI", "SSIM", "FMI_EDGE", "NABF")
    scored = [replace(one, scores={key: Score(139.4469) for key in keys}) for one in content.columns[:2]]
    wide = replace(content, columns=scored, better=dict.fromkeys(keys, "higher"), units=dict.fromkeys(keys, "1"))
    page = opened(to_html(wide))
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    names = page.locator("#scores tbody th")
    assert names.first.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    assert names.first.bounding_box()["height"] < 40  # a name is not broken into letters
