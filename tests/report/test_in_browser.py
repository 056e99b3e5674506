"""The pages in a real browser: they move, they answer to keys, they ask for nothing, and they look as intended."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fusecli.core.levels import to_uint8
from fusecli.report import html, index, montage

pytestmark = pytest.mark.slow

DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
FAILED = {"id": "case-9", "status": "failed", "exit_code": 6, "reason": "The PET does not line up with the CT."}
BATCH = [
    {"id": f"case-{n}", "status": "done", "report": f"case-{n}.html", "metrics": {"SCD": score, "NABF": 0.002 * n}}
    for n, score in enumerate((1.2, 1.1, 1.15, 1.18, 0.2, 1.16))
] + [FAILED]

SCORES = dict.fromkeys(("IE", "AG", "SD", "SF", "SCD", "VIF", "QABF", "EI", "SSIM", "FMI_EDGE", "NABF"), -12.345)
A4_PX = 695  # 210 mm less the margins of 13 mm, of 96 pixels to the inch


@pytest.fixture(scope="module")
def report_text(thorax):
    rows = ({"volume, ml": 1.0, "voxel": (1, 20, 30)},)
    return html.to_html(replace(thorax, lesions=rows))


@pytest.fixture
def report(opened, report_text):
    return loaded(opened(report_text))


def loaded(page):
    page.locator("html[data-loaded=all]").wait_for(state="attached")
    page.evaluate(DRAWN)
    return page


def pixels(page, selector="#big canvas"):
    """What a canvas shows: (row, column, 4)."""
    page.evaluate(DRAWN)
    png = page.locator(selector).evaluate("canvas => canvas.toDataURL()").partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))


def pane(plane, name):
    return f".pane[data-in='{plane}'][data-show='{name}'] canvas"


def set_slider(page, slider, value):
    page.locator(slider).fill(str(value))
    page.evaluate(DRAWN)


def choose(page, group, value):
    page.locator(f"#{group} input[value='{value}']").check(force=True)
    page.evaluate(DRAWN)


def test_each_picture_is_the_slice_of_its_array(report, thorax):
    grey = to_uint8(thorax.pair.fixed.voxels)
    assert np.array_equal(pixels(report, pane(0, "fixed"))[..., 0], grey[3])
    assert np.array_equal(pixels(report, pane(1, "fixed"))[..., 0], grey[::-1, 48])  # coronal: the head on top
    assert np.array_equal(pixels(report, pane(2, "fixed"))[..., 0], grey[::-1, :, 48])
    moving = thorax.palette.of_uptake[to_uint8(thorax.pair.moving.voxels[3])]
    assert np.array_equal(pixels(report, pane(0, "moving"))[..., :3], moving)
    assert np.abs(pixels(report)[..., :3].astype(int) - thorax.shown.voxels[3]).max() <= 12


def test_the_slider_moves_the_picture_in_all_planes_that_it_belongs_to(report, thorax):
    before = {name: pixels(report, pane(plane, "fused")) for plane, name in enumerate("acs")}
    set_slider(report, "#slice-0", 1)
    after = {name: pixels(report, pane(plane, "fused")) for plane, name in enumerate("acs")}
    assert not np.array_equal(before["a"], after["a"])
    assert np.array_equal(before["c"], after["c"])
    assert np.array_equal(pixels(report, pane(0, "fixed"))[..., 0], to_uint8(thorax.pair.fixed.voxels[1]))
    assert report.locator("#big-slice").input_value() == "1"
    set_slider(report, "#slice-1", 20)
    assert np.array_equal(pixels(report, pane(1, "fixed"))[..., 0], to_uint8(thorax.pair.fixed.voxels)[::-1, 20])


def test_the_keyboard_moves_slice_and_crosshair(report):
    before = pixels(report)
    report.locator("#big canvas").focus()
    report.keyboard.press("PageUp")
    assert not np.array_equal(before, pixels(report))
    assert report.locator("[data-read=voxel]").inner_text() == "4, 48, 48"
    for key in ("PageDown", "ArrowRight", "ArrowRight", "ArrowUp"):
        report.keyboard.press(key)
    report.evaluate(DRAWN)
    assert report.locator("[data-read=voxel]").inner_text() == "3, 47, 50"
    assert np.array_equal(before, pixels(report))
    for _ in range(9):
        report.keyboard.press("PageUp")
    report.evaluate(DRAWN)
    assert report.locator("[data-read=voxel]").inner_text().startswith("5,")


def test_a_slider_in_focus_answers_to_arrow_keys_and_says_where_it_is(report):
    slider = report.locator("#slice-0")
    slider.focus()
    report.keyboard.press("ArrowRight")
    report.evaluate(DRAWN)
    assert slider.get_attribute("aria-valuetext").startswith("4 of 0 to 5, z −")


def test_a_screen_reader_is_told_of_a_new_slice_once_it_rests(report):
    report.wait_for_timeout(400)
    report.locator("#big canvas").focus()
    report.keyboard.press("PageDown")
    report.locator("#announce", has_text="FUSED, axial 2 of 0 to 5").wait_for(state="attached")


def test_every_control_can_be_reached_by_tab_and_has_a_name(report):
    report.locator(".skip").focus()
    reached = []
    for _ in range(60):
        report.keyboard.press("Tab")
        name = report.evaluate(
            """() => { const e = document.activeElement; return [e.tagName, (e.labels?.[0]?.textContent
            || e.getAttribute("aria-label") || e.textContent).trim(), e.id || e.name]; }"""
        )
        if name[0] == "BODY":
            break
        reached.append(name)
    assert all(text for _, text, _ in reached)
    names = [name for *_, name in reached]
    assert [n for n in names if n in ("mode", "plane", "big-slice", "slice-0", "slice-1", "slice-2")] == [
        "mode", "plane", "big-slice", "slice-0", "slice-1", "slice-2",
    ]  # fmt: skip
    assert {"CANVAS", "BUTTON"} <= {tag for tag, *_ in reached}


def test_a_click_moves_the_crosshair_and_the_other_planes(report):
    before = pixels(report, pane(2, "fused"))
    box = report.locator("#big canvas").bounding_box()
    report.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    report.evaluate(DRAWN)
    assert report.locator("[data-read=voxel]").inner_text() == "3, 72, 24"
    assert not np.array_equal(before, pixels(report, pane(2, "fused")))


def test_swipe_shows_the_source_on_the_left_and_the_fusion_on_the_right(report, thorax):
    fused = pixels(report)
    choose(report, "modes", "swipe")
    mixed, source = pixels(report), to_uint8(thorax.pair.fixed.voxels[3])
    assert np.array_equal(mixed[:, :48, 0], source[:, :48])
    assert np.array_equal(mixed[:, 48:], fused[:, 48:])
    set_slider(report, "#swipe", 25)
    mixed = pixels(report)
    assert np.array_equal(mixed[:, :24, 0], source[:, :24])
    assert np.array_equal(mixed[:, 24:], fused[:, 24:])


def test_swipe_follows_the_mouse_and_leaves_the_crosshair(report):
    choose(report, "modes", "swipe")
    before = pixels(report)
    box = report.locator("#big canvas").bounding_box()
    report.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    report.mouse.down()
    report.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 90, steps=4)
    report.mouse.up()
    report.evaluate(DRAWN)
    assert report.locator("#swipe").input_value() == "80"
    assert report.locator("[data-read=voxel]").inner_text() == "3, 48, 48"
    assert not np.array_equal(before, pixels(report))


def test_swipe_follows_a_finger(opened, report_text):
    page = loaded(opened(report_text, has_touch=True))
    choose(page, "modes", "swipe")
    box = page.locator("#big canvas").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + 50)
    page.evaluate(DRAWN)
    assert page.locator("#swipe").input_value() == "25"


def test_a_checkerboard_has_squares_of_both(report, thorax):
    fused = pixels(report)
    choose(report, "modes", "checker")
    board, source = pixels(report), to_uint8(thorax.pair.fixed.voxels[3])
    assert np.array_equal(board[:32, :32, 0], source[:32, :32])
    assert np.array_equal(board[:32, 32:64], fused[:32, 32:64])
    assert np.array_equal(board[32:64, 32:64, 0], source[32:64, 32:64])
    set_slider(report, "#tile", 8)
    assert not np.array_equal(board, pixels(report))


def test_the_difference_is_against_the_source_that_is_chosen(report):
    choose(report, "modes", "difference")
    to_fixed = pixels(report)
    assert (to_fixed[..., 0].astype(int) >= to_fixed[..., 2]).all()  # a maximum is never darker
    choose(report, "against", "moving")
    assert not np.array_equal(to_fixed, pixels(report))
    assert report.locator("#big em").inner_text() == "FUSED − MOVING"


def test_other_planes_can_be_seen_large_and_in_the_proportions_of_the_body(report, thorax):
    choose(report, "which-plane", "1")
    assert pixels(report).shape[:2] == (6, 96)
    box = report.locator("#big canvas").bounding_box()
    slices, _, columns = thorax.pair.fixed.geometry.spacing_mm
    assert box["width"] / box["height"] == pytest.approx(96 * columns / (6 * slices), rel=0.02)
    assert report.locator("#big b.upper").inner_text() == "S"


def test_the_crosshair_reads_the_units_of_the_sources(report, thorax):
    level = to_uint8(thorax.pair.fixed.voxels)[3, 48, 48]
    expected = -1350 + level / 255 * 1500
    text = report.locator("[data-read=fixed]").inner_text()
    assert float(text.split()[-2].replace("−", "-")) == pytest.approx(expected, abs=0.51)
    assert text.endswith(" HU")
    assert report.locator("[data-read=moving]").inner_text().endswith(" SUV")


def test_a_lesion_can_be_gone_to(report):
    report.locator("button.go").click()
    report.evaluate(DRAWN)
    assert report.locator("[data-read=voxel]").inner_text() == "1, 20, 30"


def test_a_definition_shows_on_hover_and_on_focus_and_goes_on_escape(report, thorax):
    key, tip = report.get_by_role("button", name="SCD"), report.locator("[role=tooltip]", has_text="correlates")
    assert not tip.is_visible()
    key.hover()
    tip.wait_for(state="visible")
    report.mouse.move(0, 0)
    tip.wait_for(state="hidden")
    key.focus()
    tip.wait_for(state="visible")
    assert tip.inner_text() == thorax.definitions["SCD"]
    report.keyboard.press("Escape")
    tip.wait_for(state="hidden")


def test_pictures_without_a_place_have_no_sides_no_planes_and_their_colors(opened, pictures_view):
    page = loaded(opened(html.to_html(pictures_view)))
    assert np.array_equal(pixels(page)[..., :3], pictures_view.shown.voxels[0])
    assert np.array_equal(pixels(page, pane(0, "moving"))[..., :3], pictures_view.moving_shown[0])
    assert page.locator("#which-plane").count() == 0
    assert page.locator("#big b.left").inner_text() == ""
    assert not page.locator("#slice-0").is_visible()


def test_slices_that_are_shown_smaller_keep_their_numbers(opened, thorax, monkeypatch):
    monkeypatch.setattr("fusecli.report.pictures.MOST_VOXELS", 6 * 48 * 48)
    monkeypatch.setattr("fusecli.report.pictures.encode.__kwdefaults__", {"budget": 10**6, "most_voxels": 6 * 48 * 48})
    page = loaded(opened(html.to_html(thorax)))
    assert pixels(page).shape[:2] == (48, 48)
    assert page.locator("[data-read=voxel]").inner_text() == "3, 48, 48"
    assert page.locator("#slice-1").get_attribute("aria-valuetext").startswith("48 of 0 to 94, y ")


def test_dark_and_light_differ_and_pictures_stay_on_black(opened, report_text):
    colors = {}
    for scheme in ("light", "dark"):
        page = loaded(opened(report_text, color_scheme=scheme))
        colors[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert page.evaluate("getComputedStyle(document.querySelector('.pane')).backgroundColor") == "rgb(0, 0, 0)"
    assert colors["light"] == "rgb(255, 255, 255)"
    assert colors["dark"] not in (colors["light"], "rgba(0, 0, 0, 0)")


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_sticks_out_of_the_page(opened, report_text, width):
    page = loaded(opened(report_text))
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page = opened(index.to_html(BATCH))
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_on_paper_stand_the_middle_slices_all_tables_and_no_controls(report):
    report.emulate_media(media="print")
    for selector in (".figures img", "table.metrics", "#h-provenance", ".paper dd"):
        assert report.locator(selector).first.is_visible(), selector
    for selector in ("#big canvas", "#modes", "#slice-0", "button.go"):
        assert not report.locator(selector).is_visible(), selector


def test_no_table_is_cut_off_on_paper(opened, thorax):
    lesion = {"Lesion": 1, "x, y, z (mm, LPS)": "-125.0, -141.0, -1107.0", "Volume (ml)": 1234.5}
    lesion |= {f"{word} PET {kind} (SUV bw g/ml)": 12.34 for word in ("MOVING", "Of") for kind in ("max", "mean")}
    lesion |= {f"Contrast kept of {role}": -123.4 for role in ("MOVING", "FIXED")}
    batch = [{**row, "output": f"{row['id']}_laplacian.nii.gz", "metrics": SCORES} for row in BATCH]
    for text in (html.to_html(replace(thorax, lesions=(lesion,))), index.to_html(batch)):
        page = opened(text)
        page.set_viewport_size({"width": A4_PX, "height": 1000})
        page.emulate_media(media="print")
        sides = page.locator(".wide").evaluate_all("all => all.map(wide => [wide.scrollWidth, wide.clientWidth])")
        assert sides
        assert all(content <= place for content, place in sides), sides


def test_without_scripts_the_middle_slices_are_there(opened, report_text):
    page = opened(report_text, java_script_enabled=False)
    assert page.locator(".figures img").first.is_visible()
    assert not page.locator("#modes").is_visible()


def test_a_page_that_cannot_decode_its_pictures_says_so_and_shows_the_middle(opened, report_text):
    start = report_text.index('id="stack-fused">["') + len('id="stack-fused">["')
    page = opened(report_text[:start] + "AAAA" + report_text[start + 40 :])
    page.locator("#trouble").wait_for()
    assert "could not show the pictures" in page.locator("#trouble").inner_text()
    assert page.locator(".figures img").first.is_visible()


def test_markup_from_a_file_does_nothing(opened, thorax):
    evil = '</script><img src="x" onerror="document.title=`taken`">'
    record = replace(thorax.record, warnings=(evil,))
    page = loaded(opened(html.to_html(replace(thorax, record=record))))
    assert page.locator(".warnings li").inner_text() == evil
    page = opened(index.to_html([{"id": evil, "status": "failed", "reason": evil, "report": "javascript:alert(1)"}]))
    assert evil in page.locator("tbody th").inner_text()
    assert page.title() == "Batch: 1 cases"
    assert page.locator("tbody a").evaluate("a => a.protocol") == "file:"


@pytest.fixture
def batch(opened, thorax):
    rows = [{**row, "thumbnail": montage.thumbnail(thorax) if "metrics" in row else None} for row in BATCH]
    return opened(index.to_html(rows, title="Study"))


def ids(page):
    return [text.split("\n")[0] for text in page.locator("tbody tr:visible th").all_inner_texts()]


def test_a_click_or_a_key_sorts_the_table_both_ways_with_what_is_missing_last(batch):
    batch.get_by_role("button", name="SCD").click()
    assert ids(batch) == ["case-4", "case-1", "case-2", "case-5", "case-3", "case-0", "case-9"]
    header = batch.locator("th", has=batch.get_by_role("button", name="SCD"))
    assert header.get_attribute("aria-sort") == "ascending"
    batch.get_by_role("button", name="SCD").focus()
    batch.keyboard.press("Enter")
    assert ids(batch) == ["case-0", "case-3", "case-5", "case-2", "case-1", "case-4", "case-9"]
    assert header.get_attribute("aria-sort") == "descending"
    batch.get_by_role("button", name="Case").click()
    assert ids(batch) == [*(f"case-{n}" for n in range(6)), "case-9"]
    assert header.get_attribute("aria-sort") == "none"


def test_cases_are_filtered_by_text_status_and_outliers(batch):
    batch.locator("#find").fill("LINE UP")
    assert ids(batch) == ["case-9"]
    assert batch.locator("#count").inner_text() == "1 of 7 cases"
    batch.locator("#find").fill("")
    batch.locator("#status").select_option("done")
    assert len(ids(batch)) == 6
    batch.locator("#outlying").check()
    assert ids(batch) == ["case-4"]


def test_thousands_of_cases_are_turned_page_by_page(opened):
    page = opened(index.to_html([{"id": f"case-{n}", "status": "done", "metrics": {"SCD": n}} for n in range(450)]))
    assert len(ids(page)) == 200
    assert page.locator("#earlier").is_disabled()
    page.locator("#later").click()
    page.locator("#later").click()
    assert ids(page)[0] == "case-400"
    assert page.locator("#count").inner_text() == "450 of 450 cases, these are 401 to 450"
    assert page.locator("#later").is_disabled()
    page.get_by_role("button", name="SCD").click()
    page.get_by_role("button", name="SCD").click()
    assert ids(page)[:2] == ["case-449", "case-448"]
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert len(ids(page)) == 450
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.locator("#find").fill("case-44")
    assert len(ids(page)) == 11
    assert not page.locator("#later").is_visible()


def test_a_batch_is_a_plain_table_without_scripts(opened):
    page = opened(index.to_html(BATCH), java_script_enabled=False)
    assert len(ids(page)) == 7
    assert not page.locator("#find").is_visible()


def test_thumbnails_are_shown(batch):
    assert batch.locator("tbody img").count() == 6
    assert batch.locator("tbody img").first.evaluate("image => image.naturalWidth") == 96
