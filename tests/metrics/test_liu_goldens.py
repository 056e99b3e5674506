"""The metrics of Liu et al. and FMI of all features against the toolkits, on pictures that anyone can make again."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusecli.core.luma import luma
from fusecli.errors import ImageError
from fusecli.metrics import fmi
from fusecli.metrics.liu import q_c, q_cb, q_cv, q_g, q_m, q_mi, q_ncie, q_p, q_s, q_sf, q_te, q_y
from fusecli.metrics.liu.similarity import TINY

GOLDENS = json.loads(Path(__file__).with_name("liu_goldens.json").read_text(encoding="utf-8"))
EPSILON = float(np.finfo(np.float64).eps)

AS_TOOLKIT = {
    "Q_MI": q_mi.of_levels,
    "Q_TE": partial(q_te.of_levels, as_toolkit=True),
    "Q_TE_sw2": partial(q_te.of_levels, as_toolkit=True, order=q_te.CVEJIC, normalized=False),
    "Q_NCIE": q_ncie.of_levels,
    "Q_G": partial(q_g.of_levels, as_toolkit=True),
    "Q_M": partial(q_m.of_levels, summed=True),
    "Q_SF": q_sf.of_levels,
    "Q_P": partial(q_p.of_levels, as_toolkit=True),
    "Q_S": partial(q_s.of_levels, rounding=EPSILON),
    "Q_S_weighted_sw2": partial(q_s.of_levels, weighted=True, flat_weight=0.5, rounding=EPSILON),
    "Q_C": partial(q_c.of_levels, guards=TINY, clip_the_result=True),
    "Q_Y": partial(q_y.of_levels, guards=TINY),
    "Q_CV": partial(q_cv.of_levels, slope=q_cv.TOOLKIT_SLOPE, stretch=True, black_beyond=True),
    "Q_CB": partial(q_cb.of_levels, black=0.0, stretch=True, black_beyond=True),
}
FEATURES = ("pixel", "gradient", "edge", "dct", "wavelet")

# Rounding speaks in these: of a constant fusion its spectrum, its wavelet and its features, of a flat patch Q_C; Q_CB
# compares rounding with rounding on black; the taps behind the wavelet's figures have six digits.
NOISE = {"Q_P": ["F4"], "Q_Y": ["F4"], "Q_C": ["F4", "F5"], "dct": ["F4"], "wavelet": ["F4"]}
NEARLY = {"Q_CB": 1e-6, "Q_G": 1e-7, "wavelet": 1e-7}
ON_BLACK = {"Q_CB": 5e-3, "Q_S_weighted_sw2": 1e-6, "wavelet": 1e-5}
SAME = 1e-9


def levels(pictures, case):
    size, fusion = case.split("/")
    return [pictures[size][name].astype(np.float64) for name in ("A", "B", fusion)]


def published(name, row):
    """Cases that have a value that is not rounding."""
    for case, value in zip(GOLDENS["cases"], row, strict=True):
        if value is not None and case.split("/")[1] not in NOISE.get(name, ()):
            yield case, value


@pytest.mark.parametrize("name", AS_TOOLKIT)
def test_a_metric_of_liu_equals_the_toolkit(name, pictures):
    compared = 0
    for case, expected in published(name, GOLDENS["liu"][name]):
        found = AS_TOOLKIT[name](*levels(pictures, case))
        assert found == pytest.approx(expected, rel=NEARLY.get(name, SAME), abs=1e-12), case
        compared += 1
    assert compared >= (6 if name == "Q_C" else 8)


@pytest.mark.parametrize("feature", FEATURES)
def test_fmi_of_a_feature_equals_the_toolkit(feature, pictures):
    for case, expected in published(feature, GOLDENS["fmi"][feature]):
        found = fmi.of_levels(*levels(pictures, case), feature=feature, rounding=True)
        assert found == pytest.approx(expected, rel=NEARLY.get(feature, SAME), abs=1e-12), case


@pytest.mark.parametrize("name", [*AS_TOOLKIT, *FEATURES])
def test_one_changed_square_is_seen_at_the_tolerance_of_these_tests(name, pictures):
    measure = AS_TOOLKIT.get(name) or partial(fmi.of_levels, feature=name, rounding=True)
    fixed, moving, fused = levels(pictures, "64x64/F2")
    changed = fused.copy()
    changed[28:32, 28:32] = 255 - changed[28:32, 28:32]
    assert measure(fixed, moving, changed) != pytest.approx(measure(fixed, moving, fused), rel=1e-6)


@pytest.mark.parametrize("name", ["Q_TE", "Q_CV", "Q_CB"])
def test_what_the_toolkit_cannot_stretch_is_refused(name, pictures):
    case = "64x64/F4"
    assert GOLDENS["liu"][name][GOLDENS["cases"].index(case)] is None
    with pytest.raises(ImageError, match="FUSED is constant"):
        AS_TOOLKIT[name](*levels(pictures, case))


SOUND = {
    "Q_TE": q_te.of_levels,
    "Q_G": q_g.of_levels,
    "Q_M": q_m.of_levels,
    "Q_P": q_p.of_levels,
    "Q_C": q_c.of_levels,
    "Q_Y": q_y.of_levels,
    "Q_CV": q_cv.of_levels,
    "Q_CB": q_cb.of_levels,
}


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_form_is_another_number_than_the_toolkits(name, pictures):
    images = levels(pictures, "97x130/F2")
    assert SOUND[name](*images) != pytest.approx(AS_TOOLKIT[name](*images), rel=1e-5)


def test_maxima_of_real_pairs_score_as_in_the_toolkits(shared):
    document = json.loads((shared / "peers/goldens/harvard_test.json").read_text(encoding="utf-8"))
    compared = 0
    for pair, facts in document["inputs"]["pairs"].items():
        fixed, moving = (_grey(shared / "data/harvard/test" / facts[source]) for source in "AB")
        images = [picture.astype(np.float64) for picture in (fixed, moving, np.maximum(fixed, moving))]
        for name, measure in AS_TOOLKIT.items():
            expected = document["zheng_liu"][name][f"{pair}/max"]
            if expected is not None:
                tolerance = ON_BLACK.get(name, NEARLY.get(name, SAME))
                assert measure(*images) == pytest.approx(expected, rel=tolerance), (name, pair)
                compared += 1
        for feature in FEATURES:
            key = {"pixel": "FMI_none", "wavelet": "FMI_wavelet_dmey102"}.get(feature, f"FMI_{feature}")
            found = fmi.of_levels(*images, feature=feature, rounding=True)
            expected = document["linfeng_tang_fmi"][key][f"{pair}/max"]
            assert found == pytest.approx(expected, rel=ON_BLACK.get(feature, SAME)), (feature, pair)
    assert compared == 6 * (len(AS_TOOLKIT) - 2)  # Q_C and Q_Y have no value on a black background


def _grey(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    return np.rint(luma(pixels[..., :3]) * 255).astype(np.uint8) if pixels.ndim == 3 else pixels
