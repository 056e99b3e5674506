"""The scores against published toolkits, on pictures that anyone can make again."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import METRICS
from fusecli.core.luma import luma
from fusecli.metrics import score

SIZES = ("64x64", "97x130", "80x96-masked")
CASES = [f"{size}/F{n}" for size in SIZES for n in range(1, 6)]
TOOLKIT_NAMES = {"IE": "EN", "AG": "AG", "SD": "SD", "SF": "SF", "SCD": "SCD", "VIF": "VIFF", "QABF": "Qabf"}

# The toolkits work in float64 too; what differs is the order of additions.
SAME = {"rel": 1e-12, "abs": 1e-12}

# What rounding leaves of the orientation of an edge that is even along its rows shows in NABF on real images.
NEARLY = {"rel": 1e-7, "abs": 1e-13}


def values(a, b, fused, dtype=np.float32):
    scores = score(*((picture / 255).astype(dtype) for picture in (a, b, fused)))
    return {key: value.value for key, value in scores.items()}


def digest(picture):
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_the_pictures_are_those_that_the_toolkits_measured(size, pictures, goldens):
    assert {name: digest(picture) for name, picture in pictures[size].items()} == goldens["sha256"][size]


@pytest.mark.parametrize("case", CASES)
def test_scores_equal_those_of_published_toolkits(case, pictures, goldens):
    size, name = case.split("/")
    fixed, moving, fused = (pictures[size][key] for key in ("A", "B", name))
    expected = {key: value for key, value in goldens["scores"][case].items() if value is not None}
    assert len(expected) >= 10
    measured = values(fixed, moving, fused)
    assert {key: measured[key] for key in expected} == pytest.approx(expected, **SAME)


@pytest.mark.parametrize("key", METRICS)
def test_one_changed_square_is_seen_at_the_tolerance_of_these_tests(key, pictures):
    fixed, moving, fused = (pictures["64x64"][name] for name in ("A", "B", "F2"))
    changed = fused.copy()
    changed[28:32, 28:32] ^= 255
    assert values(fixed, moving, changed)[key] != pytest.approx(values(fixed, moving, fused)[key], **SAME)


@pytest.mark.parametrize("size", SIZES)
def test_a_copy_of_one_source_keeps_only_that_sources_term_of_scd(size, pictures, goldens):
    a, b = pictures[size]["A"], pictures[size]["B"]
    assert goldens["scores"][f"{size}/F3"]["SCD"] is None
    alone = np.corrcoef((a.astype(float) - b).ravel(), a.astype(float).ravel())[0, 1]
    assert values(a, b, a)["SCD"] == pytest.approx(alone, **SAME)


def test_float32_and_float64_images_of_a_picture_score_exactly_alike(pictures):
    images = [pictures["97x130"][name] for name in ("A", "B", "F1")]
    assert values(*images, dtype=np.float32) == values(*images, dtype=np.float64)


def test_scores_of_real_pairs_equal_those_of_published_toolkits(shared):
    document = json.loads((shared / "peers/goldens/harvard_test.json").read_text(encoding="utf-8"))
    measured = 0
    for case, facts in document["inputs"]["pairs"].items():
        fixed, moving = (_grey(shared / "data/harvard/test" / facts[source]) for source in "AB")
        fusions = {
            "average": ((fixed.astype(int) + moving + 1) // 2).astype(np.uint8),
            "max": np.maximum(fixed, moving),
        }
        fusions["MATR"] = _grey(shared / "peers/fused/MATR" / f"{case}.png")
        for name, fused in {"A": fixed, "B": moving, **fusions}.items():
            assert digest(fused) == document["inputs"]["arrays"][case][name]["sha256"], (case, name)
        for name, fused in fusions.items():
            expected = {key: document["cddfuse"][theirs][f"{case}/{name}"] for key, theirs in TOOLKIT_NAMES.items()}
            expected["EI"] = document["vifb"]["Edge_intensity"][f"{case}/{name}"]
            expected["SSIM"] = np.mean([document["skimage"][f"SSIM_uniform7_{x}"][f"{case}/{name}"] for x in "AB"])
            expected["FMI"] = document["linfeng_tang_fmi"]["FMI_edge"][f"{case}/{name}"]
            scores = values(fixed, moving, fused)
            artifacts = document["linfeng_tang"]["Nabf_documented_order"][f"{case}/{name}"]
            assert scores.pop("NABF") == pytest.approx(artifacts, **NEARLY), (case, name)
            assert scores == pytest.approx(expected, rel=1e-9), (case, name)
            measured += 1
    assert measured == 18


def _grey(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    return np.rint(luma(pixels[..., :3]) * 255).astype(np.uint8) if pixels.ndim == 3 else pixels
