"""The scores of every profile against the toolkits that it stands for, on pictures that anyone can make again."""

import hashlib
import json
import math

import numpy as np
import pytest
from PIL import Image

from fusecli.catalog import METRICS
from fusecli.core.luma import luma
from fusecli.metrics import score
from fusecli.metrics.profiles import PROFILES

SIZES = ("64x64", "97x130", "80x96-masked")
CASES = [f"{size}/F{n}" for size in SIZES for n in range(1, 6)]

# The toolkits work in float64 too; what differs is the order of additions.
SAME = 1e-9
NEARLY = {
    "NABF": 1e-7,  # the orientation of an edge that is even along its rows is a rounding
    "SSIM": 1e-7,  # on the scale 0..1 a flat place is divided by 0.0009, a rounding's size
    "SSIM_FIXED": 1e-7,
    "SSIM_MOVING": 1e-7,
    "QG": 1e-7,
    "QCB": 1e-6,  # far from the object it compares the rounding of two filters
    "FMI_WAVELET": 1e-5,  # taps to six digits
}

# What these toolkits answer is rounding noise: features, covariances or coefficients of flat places.
NOISE = {
    "QP": ("97x130/F4",),
    "QC": ("97x130/F5",),
    "FMI_DCT": tuple(case for case in CASES if case.endswith("F4")),
    "FMI_WAVELET": tuple(case for case in CASES if case.endswith("F4")),
}

# The names of the toolkits for the real pairs, as in the golden file of the shared folder.
TOOLKITS = {"cddfuse": "cddfuse", "linfeng": "linfeng_tang", "vifb": "vifb", "liu": "zheng_liu"}
REAL_NAMES = {
    "cddfuse": "IE=EN SD=SD SF=SF AG=AG MI=MI MSE=MSE CC=CC PSNR=PSNR SCD=SCD VIF=VIFF VIFF=VIFF VIF_FIXED=VIFF_A "
    "VIF_MOVING=VIFF_B QABF=Qabf",
    "linfeng": "IE=EN SD=SD SF=SF AG=AG MI=MI MSE=MSE CC=CC PSNR=PSNR SCD=SCD VIF=VIF VIF_FIXED=VIF_A VIF_MOVING=VIF_B "
    "QABF=Qabf NABF=Nabf SSIM=SSIM MS_SSIM=MS_SSIM MEF_SSIM=MEF_SSIM",
    "vifb": "CE=Cross_entropy IE=Entropy MI=Mutinf PSNR=Psnr AG=Avg_gradient EI=Edge_intensity QABF=Qabf SD=Variance "
    "SF=Spatial_frequency RMSE=Rmse SSIM=Ssim QCV=Qcv QCB=Qcb",
    "liu": "QMI=Q_MI QTE=Q_TE QNCIE=Q_NCIE QG=Q_G QM=Q_M QSF=Q_SF QP=Q_P QS=Q_S QC=Q_C QY=Q_Y QCV=Q_CV QCB=Q_CB",
}
FEATURES = {"FMI_PIXEL": "edge", "FMI_EDGE": "edge", "FMI_GRADIENT": "gradient", "FMI_DCT": "dct"} | {
    "FMI_WAVELET": "wavelet_dmey102"
}
ON_REAL_PAIRS = NEARLY | {"QCB": 5e-3, "QCV": 1e-3}  # more black around the head; ties in the stretch to 0..255

OURS = ("SSIM", "NMI", "MS_SSIM", "EI", "NABF", "EPI", "MEF_SSIM")


def scored(a, b, fused, dtype=np.float32, **choice):
    return score(*((picture / 255).astype(dtype) for picture in (a, b, fused)), **choice)


def values(a, b, fused, **choice):
    return {key: value.value for key, value in scored(a, b, fused, **choice).items()}


def digest(picture):
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def measured(pictures):
    """Every profile's values of every case."""
    cases = {case: [pictures[case.split("/")[0]][key] for key in ("A", "B", case.split("/")[1])] for case in CASES}
    return {name: {case: values(*images, profile=name) for case, images in cases.items()} for name in PROFILES}


@pytest.mark.parametrize("size", SIZES)
def test_the_pictures_are_those_that_the_toolkits_measured(size, pictures, goldens):
    assert {name: digest(picture) for name, picture in pictures[size].items()} == goldens["sha256"][size]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_gives_what_its_toolkit_gives(profile, measured, goldens):
    compared = 0
    for key, cases in goldens["profiles"][profile].items():
        for case, expected in cases.items():
            if expected is not None and case not in NOISE.get(key, ()):
                found = measured[profile][case][key]
                assert found == pytest.approx(expected, rel=NEARLY.get(key, SAME), abs=1e-12), (key, case)
                compared += 1
    assert compared > 10 * len(goldens["profiles"][profile])


@pytest.mark.parametrize("profile", TOOLKITS)
def test_where_a_toolkit_gives_no_number_its_profile_gives_none(profile, measured, goldens):
    nothing = {
        (key, case)
        for key, cases in goldens["profiles"][profile].items()
        for case, expected in cases.items()
        if expected is None and case not in NOISE.get(key, ())
    }
    assert {(key, case) for key, case in nothing if measured[profile][case][key] is not None} == set()


@pytest.mark.parametrize("profile", TOOLKITS)
def test_a_profile_has_no_metric_that_was_never_compared_but_the_documented_ones(profile, goldens):
    never = set(PROFILES[profile].formulas) - set(goldens["profiles"][profile])
    parts = {"MI_FIXED", "MI_MOVING", "SSIM_FIXED", "SSIM_MOVING"}  # whose sum or mean is compared
    assert never - parts == ({"SSIM"} if profile == "cddfuse" else set())


@pytest.mark.parametrize("key", METRICS)
def test_one_changed_square_is_seen_at_the_tolerance_of_these_tests(key, larger):
    fixed, moving, fused = larger
    changed = fused.copy()
    changed[28:32, 28:32] = 1 - changed[28:32, 28:32]
    before, after = (score(fixed, moving, image, keys=[key])[key].value for image in (fused, changed))
    if key in ("MS_SSIM", "MEF_SSIM", "SSIM"):
        assert after < before
    assert after != pytest.approx(before, rel=NEARLY.get(key, SAME))


@pytest.mark.parametrize("size", SIZES)
def test_a_copy_of_one_source_keeps_only_that_sources_term_of_scd(size, pictures, goldens):
    a, b = pictures[size]["A"], pictures[size]["B"]
    assert goldens["profiles"]["cddfuse"]["SCD"][f"{size}/F3"] is None
    alone = np.corrcoef((a.astype(float) - b).ravel(), a.astype(float).ravel())[0, 1]
    assert values(a, b, a)["SCD"] == pytest.approx(alone, rel=1e-12)


def test_float32_and_float64_images_of_a_picture_score_exactly_alike(pictures):
    images = [pictures["97x130"][name] for name in ("A", "B", "F1")]
    assert scored(*images, dtype=np.float32) == scored(*images, dtype=np.float64)


@pytest.mark.parametrize(
    ("key", "mine", "theirs", "ratio"),
    [
        ("MI", "fusecli", "cddfuse", 1 / math.log(2)),  # bit and nat
        ("MI", "cddfuse", "vifb", 1),
        ("AG", "fusecli", "linfeng", 96 * 129 / (97 * 130)),
        ("MSE", "fusecli", "linfeng", 255**2),
        ("VIF", "fusecli", "linfeng", 1),
        ("SD", "linfeng", "vifb", 1),
        ("RMSE", "fusecli", "vifb", None),
        ("SSIM", "fusecli", "linfeng", None),
        ("PSNR", "cddfuse", "linfeng", None),
        ("NABF", "fusecli", "linfeng", None),
        ("MS_SSIM", "linfeng", "fusecli", None),
    ],
)
def test_one_name_is_one_number_only_where_the_definitions_agree(key, mine, theirs, ratio, measured):
    own, other = measured[mine]["97x130/F1"][key], measured[theirs]["97x130/F1"][key]
    if ratio is None:
        assert other is None or own != pytest.approx(other, rel=0.02)
    else:
        assert own == pytest.approx(other * ratio, rel=1e-9)


def test_the_psnr_of_linfeng_is_48_decibels_above_ours_by_its_units(measured):
    case = "64x64/F1"
    assert measured["linfeng"][case]["PSNR"] - measured["fusecli"][case]["PSNR"] == pytest.approx(20 * math.log10(255))


def test_a_profile_names_the_units_that_its_toolkit_has(pictures):
    images = [pictures["64x64"][name] for name in ("A", "B", "F1")]
    units = {name: scored(*images, profile=name) for name in ("fusecli", "cddfuse", "linfeng", "vifb")}
    assert [units[name]["MI"].unit for name in units] == ["bit", "nat", "bit", "nat"]
    assert units["linfeng"]["MSE"].unit == "1" != units["fusecli"]["MSE"].unit


def test_scores_of_real_pairs_equal_those_of_published_toolkits(shared):
    document = json.loads((shared / "peers/goldens/harvard_test.json").read_text(encoding="utf-8"))
    compared = 0
    for case, images in _real_cases(document, shared):
        for profile, names in REAL_NAMES.items():
            found = values(*images, profile=profile)
            for key, theirs in (pair.split("=") for pair in names.split()):
                expected = document[TOOLKITS[profile]][theirs][case]
                _compare(profile, key, case, found[key], expected)
                compared += 1
        found = values(*images, profile="linfeng", keys=FEATURES)
        for key, feature in FEATURES.items():
            _compare("linfeng", key, case, found[key], document["linfeng_tang_fmi"][f"FMI_{feature}"][case])
        _compare_ours(document, case, values(*images, keys=OURS))
    assert compared == 18 * sum(len(names.split()) for names in REAL_NAMES.values())


def _compare(profile, key, case, found, expected):
    if expected is None:
        assert found is None, (profile, key, case)
    else:
        assert found == pytest.approx(expected, rel=ON_REAL_PAIRS.get(key, SAME), abs=1e-12), (profile, key, case)


def _compare_ours(document, case, found):
    """Of our own definitions, those that some program shares."""
    parts = {"SSIM": ("skimage", "SSIM_uniform7"), "NMI": ("skimage", "NMI"), "MS_SSIM": ("piq", "MS_SSIM")}
    for key, (program, name) in parts.items():
        expected = np.mean([document[program][f"{name}_{source}"][case] for source in "AB"])
        # piq has its images on 0..1 and a guard in each term.
        assert found[key] == pytest.approx(expected, rel=1e-6 if program == "piq" else SAME), (key, case)
    same = {"EI": ("vifb", "Edge_intensity"), "NABF": ("linfeng_tang", "Nabf_documented_order")}
    same |= {"EPI": ("own", "EPI_lap4_valid_mean"), "MEF_SSIM": ("linfeng_tang", "MEF_SSIM")}
    for key, (program, name) in same.items():
        _compare("fusecli", key, case, found[key], document[program][name][case])


def _real_cases(document, shared):
    for pair, facts in document["inputs"]["pairs"].items():
        fixed, moving = (_grey(shared / "data/harvard/test" / facts[source]) for source in "AB")
        fusions = {
            "average": ((fixed.astype(int) + moving + 1) // 2).astype(np.uint8),
            "max": np.maximum(fixed, moving),
            "MATR": _grey(shared / "peers/fused/MATR" / f"{pair}.png"),
        }
        for name, picture in {"A": fixed, "B": moving, **fusions}.items():
            assert digest(picture) == document["inputs"]["arrays"][pair][name]["sha256"], (pair, name)
        yield from ((f"{pair}/{name}", (fixed, moving, fused)) for name, fused in fusions.items())


def _grey(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    return np.rint(luma(pixels[..., :3]) * 255).astype(np.uint8) if pixels.ndim == 3 else pixels
