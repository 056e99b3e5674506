"""A page holds everything about one fusion, needs nothing else, and lets nothing out of a file run."""

import base64
import hashlib
import io
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import RESEARCH_USE
from fusecli.core.levels import to_uint8
from fusecli.errors import OutputError, UsageError
from fusecli.report import html, pictures
from fusecli.report.view import Palette, RegistrationCheck, View

EVIL = '</script><img src=x onerror="document.title=1"><b>&'
EVIL_WINDOW = {"low": 0.0, "high": 1.0, "text": EVIL, "unit": EVIL}


class Page(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(thorax):
    return Page(html.to_html(thorax))


def document(view, name="facts"):
    text = html.to_html(view)
    return json.loads(re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', text, re.S).group(1))


def with_record(view, **changes):
    return replace(view, record=replace(view.record, **changes))


def test_the_page_says_what_was_done(page, thorax):
    for words in ("fused.nii.gz", "max", "hot-iron", "W1500 L-600", "SUV 0 to 5", "6 × 96 × 96", RESEARCH_USE):
        assert words in page.text, words
    assert "somewhere" not in page.text  # the folder may be named for a patient
    assert thorax.record.geometry["frame_of_reference"] in page.text


def test_the_page_lists_every_score_with_its_meaning(page, thorax):
    for key, definition in thorax.definitions.items():
        assert (definition in page.text) == (key in thorax.record.metrics), key
    assert f"{thorax.record.metrics['SCD']['value']:.4g}" in page.text


def test_a_score_that_is_not_defined_says_why(thorax):
    score = {"value": None, "unit": "1", "better": "higher", "reason": "not defined: FIXED is constant."}
    assert "not defined: FIXED is constant." in Page(html.to_html(with_record(thorax, metrics={"SCD": score}))).text
    assert "There are no scores" in Page(html.to_html(with_record(thorax, metrics={}))).text


def test_nothing_is_fetched_from_anywhere(page):
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert not page.of("link")
    assert not page.of("iframe")


def test_the_page_allows_its_own_script_and_style_and_no_other(thorax):
    text = html.to_html(thorax)
    policy = next(a["content"] for a in Page(text).of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    for tag in ("style", "script"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S).group(1)
        assert f"'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'" in policy
    assert not [attributes for _, attributes in Page(text).elements if "style" in attributes or "onclick" in attributes]


@pytest.mark.parametrize(
    "change",
    [
        lambda view: with_record(view, warnings=(EVIL,)),
        lambda view: with_record(view, output=view.record.output.with_name(EVIL.replace("/", "|"))),
        lambda view: with_record(view, inputs={"fixed": {"series_uid": EVIL, "history": [{"step": EVIL, "x": EVIL}]}}),
        lambda view: with_record(view, device=EVIL, versions={EVIL: EVIL}),
        lambda view: with_record(view, windows={"fixed": EVIL_WINDOW, "moving": EVIL_WINDOW}),
        lambda view: replace(view, lesions=({EVIL: EVIL, "voxel": (1, 2, 3)},)),
        lambda view: replace(view, registration=RegistrationCheck(EVIL, EVIL, False, (EVIL,), {EVIL: (1.0, None)})),
        lambda view: replace(view, definitions={"SCD": EVIL}),
    ],
)  # fmt: skip
def test_what_comes_from_files_is_text_and_never_part_of_the_page(thorax, page, change):
    changed = change(thorax)
    attacked = Page(html.to_html(changed))
    assert EVIL.replace("/", "") in attacked.text.replace("/", "").replace("|", "")
    assert all("onerror" not in attributes for _, attributes in attacked.elements)
    assert len(attacked.of("script")) == len(page.of("script"))
    assert document(changed)["shape"] == [6, 96, 96]


def test_the_pictures_are_the_arrays_in_eight_bits(thorax):
    for name, unit in (("fixed", thorax.pair.fixed), ("moving", thorax.pair.moving), ("fused", thorax.fused)):
        pages = document(thorax, f"stack-{name}")
        assert len(pages) == 6
        with Image.open(io.BytesIO(base64.b64decode(pages[3]))) as picture:
            assert np.array_equal(np.asarray(picture)[..., 0], to_uint8(unit.voxels[3])), name


def test_the_color_tables_give_back_what_was_painted(thorax):
    tables = {name: np.frombuffer(base64.b64decode(t), np.uint8) for name, t in document(thorax)["colors"].items()}
    fused, moving = (to_uint8(image.voxels) for image in (thorax.fused, thorax.pair.moving))
    painted = tables["fused"].reshape(256, 256, 3)[fused, moving]
    # Both go into the table as whole levels, and the palette is steepest at 4 levels per level.
    assert np.abs(painted.astype(int) - thorax.shown.voxels).max() <= 12
    assert np.abs(painted.astype(int) - thorax.shown.voxels).mean() < 0.5
    assert tables["difference"].reshape(511, 3)[255].tolist() == [0, 0, 0]


def test_black_has_no_color_in_any_table(thorax):
    tables = {name: np.frombuffer(base64.b64decode(t), np.uint8) for name, t in document(thorax)["colors"].items()}
    assert not tables["fused"].reshape(256, 256, 3)[0].any()
    assert not tables["moving"].reshape(256, 3)[0].any()


def test_pictures_in_their_own_colors_keep_them(pictures_view):
    facts = document(pictures_view)
    assert facts["is_color"] == {"fixed": False, "moving": True, "fused": True}
    assert facts["colors"]["fused"] is None
    text = Page(html.to_html(pictures_view)).text
    assert "do not say where they lie" in text
    assert "in the colors of its file" in text


def test_the_sides_are_named_only_where_they_are_known(thorax, pictures_view):
    assert [plane["name"] for plane in document(thorax)["planes"]] == ["axial", "coronal", "sagittal"]
    assert document(thorax)["planes"][0]["edges"] == ["R", "L", "A", "P"]
    (plane,) = document(pictures_view)["planes"]
    assert set(plane["edges"]) == {""}


def test_warnings_registration_and_lesions_stand_there_only_when_there_are_any(thorax, page):
    for heading in ("h-warnings", "h-registration", "h-lesions"):
        assert heading not in [attributes.get("id") for attributes in page.of("h2")]
    check = RegistrationCheck("rigid", "doubtful", False, ("MOVING ends early.",), {"Dice": (0.5, 0.9)}, b"png")
    rows = ({"volume, ml": 1.25, "SUV max": None, "voxel": (2, 30, 40)},)
    full = replace(with_record(thorax, warnings=("Look.",)), registration=check, lesions=rows)
    text = html.to_html(full)
    for words in ("doubtful", "MOVING ends early.", "0.9000", "1.250", 'data-voxel="2 30 40"', "Look."):
        assert words in text, words
    assert base64.b64encode(b"png").decode() in text


def test_an_inverted_window_is_labelled_the_other_way_round(thorax):
    window = dict(thorax.record.windows["fixed"])
    assert document(thorax)["ranges"]["fixed"] == {"low": -1350, "high": 150, "unit": "HU"}
    inverted = with_record(thorax, windows={**thorax.record.windows, "fixed": {**window, "inverted": True}})
    assert document(inverted)["ranges"]["fixed"] == {"low": 150, "high": -1350, "unit": "HU"}


def test_the_largest_page_stays_below_25_mb(thorax, monkeypatch):
    # A page of noise, whose pictures nothing makes smaller, at a hundredth of all sizes.
    monkeypatch.setattr("fusecli.report.pictures.encode.__kwdefaults__", {"budget": 165_000, "most_voxels": 10**9})
    noise = np.random.default_rng(5).random((6, 96, 96), dtype=np.float32)
    pair = replace(thorax.pair, fixed=replace(thorax.pair.fixed, voxels=noise))
    view = replace(thorax, pair=pair, fused=replace(thorax.fused, voxels=1 - noise))
    stacks = [document(view, f"stack-{name}") for name in ("fixed", "moving", "fused")]
    assert 100_000 < sum(len(page) for pages in stacks for page in pages) <= 165_000 * 4 / 3 + 4 * 18
    assert pictures.BUDGET_BYTES * 4 / 3 < 22.1e6  # the rest is for four still pictures and the tables


def test_the_same_view_gives_the_same_bytes(thorax):
    assert html.to_html(thorax) == html.to_html(thorax)
    assert html.to_html(thorax) != html.to_html(with_record(thorax, device="cuda"))


def test_a_page_is_written_whole_where_it_may_be(thorax, tmp_path):
    html.write(thorax, tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == html.to_html(thorax)
    before = os.stat(tmp_path / "r.html").st_mtime_ns
    with pytest.raises(OutputError, match="exists already"):
        html.write(thorax, tmp_path / "r.html")
    assert os.stat(tmp_path / "r.html").st_mtime_ns == before
    html.write(thorax, tmp_path / "r.html", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(UsageError, match="cannot be written as"):
        html.write(thorax, tmp_path / "r.htm.txt")


def test_a_view_of_images_that_do_not_belong_together_is_our_mistake(thorax, pictures_view):
    with pytest.raises(ValueError, match="one grid"):
        replace(thorax, fused=pictures_view.fused)
    with pytest.raises(ValueError, match="UNIT"):
        replace(thorax, fused=thorax.shown)
    with pytest.raises(ValueError, match="not both"):
        replace(pictures_view, palette=thorax.palette)
    with pytest.raises(ValueError, match="colors"):
        replace(pictures_view, moving_shown=pictures_view.moving_shown[:, :9])
    with pytest.raises(ValueError, match="palette table"):
        Palette("x", thorax.palette.of_uptake[:9], thorax.palette.of_fused)
    assert isinstance(replace(thorax, palette=None), View)
