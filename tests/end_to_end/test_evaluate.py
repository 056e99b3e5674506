"""`fusecli evaluate` on files: what the numbers are, where they go, and how it refuses."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

METHODS = ("max", "average", "fixed")


def saved(array, path):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.rint(array).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Six pairs of pictures of 48 x 48: an anatomy with edges and a warm spot in color, and three ways to fuse them."""
    folder = tmp_path_factory.mktemp("sets")
    rows, columns = np.mgrid[0:48, 0:48]
    for k in range(6):
        rng = np.random.default_rng(k)
        anatomy = np.where(np.hypot(rows - 24, columns - 24) < 20, 110 + 60 * np.sin(rows / (2 + k / 4)), 0)
        anatomy = np.clip(anatomy + rng.normal(0, 3, anatomy.shape), 0, 255)
        spot = 250 * np.exp(-((rows - 20 - k) ** 2 + (columns - 28) ** 2) / 50)
        saved(anatomy, folder / "mri" / f"{k}.png")
        saved(np.stack([spot] * 3, axis=-1), folder / "pet" / f"{k}.tif")
        saved(np.maximum(anatomy, spot), folder / "max" / f"{k}.png")
        saved((anatomy + spot) / 2, folder / "average" / f"{k}.png")
        saved(anatomy, folder / "fixed" / f"{k}.png")
    return folder


def words(sets, *methods, metrics="QABF,SCD,SSIM"):
    fused = [word for name in methods or METHODS for word in ("--fused", f"{name}={sets / name}")]
    return ("evaluate", "--fixed", sets / "mri", "--moving", sets / "pet", *fused, "--metrics", metrics)


def test_a_method_ranks_where_its_definition_puts_it(run, sets):
    """MRI copied adds nothing of the PET, so its SCD is the lowest; max keeps more edges than the mean."""
    outcome = run(*words(sets), "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    scd, qabf = (found["metrics"][key]["methods"] for key in ("SCD", "QABF"))
    assert scd["fixed"]["mean_rank"] == 3
    assert scd["max"]["place"] < scd["fixed"]["place"]
    assert qabf["max"]["mean"] > qabf["average"]["mean"]
    assert found["pairs"] == [str(k) for k in range(6)]


def test_the_values_are_those_of_fusecli_metrics(run, sets):
    found = json.loads(run(*words(sets), "--json").out)["metrics"]
    single = run("metrics", sets / "mri" / "3.png", sets / "pet" / "3.tif", sets / "max" / "3.png", "--json")
    scores = json.loads(single.out)["metrics"]
    for key in ("QABF", "SCD", "SSIM"):
        assert found[key]["methods"]["max"]["values"]["3"] == scores[key]["value"]
        assert found[key]["methods"]["average"]["values"]["3"] != scores[key]["value"]


def test_mean_and_sd_are_those_of_the_values(run, sets):
    for method in json.loads(run(*words(sets), "--json").out)["metrics"]["QABF"]["methods"].values():
        values = list(method["values"].values())
        assert method["mean"] == pytest.approx(np.mean(values))
        assert method["sd"] == pytest.approx(np.std(values, ddof=1))


def test_volumes_and_folders_of_dicom_are_measured_as_fusecli_metrics_does(run, study, tmp_path):
    for folder, source in (("ct", study.ct), ("pet", study.pet)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "chest").symlink_to(source)
    for model in ("max", "average"):
        (tmp_path / model).mkdir()
        target = tmp_path / model / "chest.nii.gz"
        assert run("fuse", study.ct, study.pet, "--palette", "none", "--model", model, "-o", target).code == 0
    fused = [word for model in ("max", "average") for word in ("--fused", f"{model}={tmp_path / model}")]
    words = ("--metrics", "QABF,SCD", "--json")
    outcome = run("evaluate", "--fixed", tmp_path / "ct", "--moving", tmp_path / "pet", *fused, *words)
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    alone = json.loads(run("metrics", study.ct, study.pet, tmp_path / "max" / "chest.nii.gz", *words).out)
    for key in ("QABF", "SCD"):
        assert found["metrics"][key]["methods"]["max"]["mean"] == alone["metrics"][key]["value"]
    assert found["windows"]["chest"] == alone["windows"]


def test_a_pair_in_which_a_metric_is_not_defined_is_left_out_of_that_metric_alone(run, sets, tmp_path):
    for k in range(6):
        with Image.open(sets / "pet" / f"{k}.tif") as picture:
            saved(np.asarray(picture) * (k != 2), tmp_path / "pet" / f"{k}.png")
    fused = [word for name in METHODS for word in ("--fused", f"{name}={sets / name}")]
    outcome = run(
        "evaluate", "--fixed", sets / "mri", "--moving", tmp_path / "pet", *fused, "--metrics", "SD,SCD", "--json"
    )
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)["metrics"]
    assert (found["SD"]["pairs"], found["SCD"]["pairs"]) == (6, 5)
    assert found["SCD"]["methods"]["max"]["values"]["2"] is None
    assert "1 of 6 pairs" in found["SCD"]["note"]


def test_threads_change_no_value_and_no_order(sets):
    from fusecli import evaluation
    from fusecli.settings import FuseSettings

    cases = evaluation.match(sets / "mri", sets / "pet", {"max": sets / "max", "fixed": sets / "fixed"}).cases
    heard: list[tuple[int, int]] = []
    one, three = (
        evaluation.score_cases(
            cases,
            FuseSettings(),
            keys=("QABF", "IE"),
            threads=n,
            progress=lambda done, total: heard.append((done, total)),
        )
        for n in (1, 3)
    )
    assert one == three
    assert [case.name for case in three] == [case.name for case in cases]
    assert heard == [(k, 6) for k in range(1, 7)] * 2


def test_every_table_and_plot_is_written_and_the_table_is_shown(run, sets, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra fusecli[evaluate] is not installed")
    outputs = [word for form in ("csv", "json", "tex", "md") for word in ("-o", tmp_path / f"t.{form}")]
    outcome = run(*words(sets), *outputs, "--plots", tmp_path / "plots")
    assert outcome.code == 0, outcome.err
    assert "6 pairs" in outcome.out
    assert "QABF ↑" in outcome.out
    assert "Measuring pairs: 6 of 6" in outcome.err
    with (tmp_path / "t.csv").open(encoding="utf-8") as file:
        rows = {(row["metric"], row["method"]): float(row["mean"]) for row in csv.DictReader(file)}
    document = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert len(rows) == 9
    assert rows["SSIM", "max"] == document["metrics"]["SSIM"]["methods"]["max"]["mean"]
    assert document["windows"]["0"]["fixed"]["text"]
    assert (tmp_path / "plots" / "radar.svg").stat().st_size > 1000
    again = run(*words(sets), *outputs)
    assert again.code == 7
    assert "exists already" in again.err
    assert run(*words(sets), *outputs, "--overwrite").code == 0


def test_nothing_is_written_when_one_output_may_not_be(run, sets, tmp_path):
    (tmp_path / "taken.md").write_text("mine")
    assert run(*words(sets), "-o", tmp_path / "new.csv", "-o", tmp_path / "taken.md").code == 7
    assert (tmp_path / "taken.md").read_text() == "mine"
    assert not (tmp_path / "new.csv").exists()


def test_a_method_that_lacks_pairs_needs_common(run, sets, tmp_path):
    (tmp_path / "few").mkdir()
    for k in (1, 4):
        (tmp_path / "few" / f"{k}.png").write_bytes((sets / "max" / f"{k}.png").read_bytes())
    few = (*words(sets, "max"), "--fused", f"few={tmp_path / 'few'}")
    refused = run(*few)
    assert refused.code == 3
    assert "few lacks 4 of 6: 0, 2, 3, 5" in refused.err
    taken = run(*few, "--common", "--json")
    assert taken.code == 0, taken.err
    assert "the 2 of 6 pairs" in taken.err
    found = json.loads(taken.out)
    assert found["pairs"] == ["1", "4"]
    assert found["left_out"] == ["0", "2", "3", "5"]
    assert "2 pairs that all methods have (4 left out)" in run(*few, "--common").out
    assert "Too few pairs" in found["metrics"]["QABF"]["tests"]["note"]


def test_a_file_without_counterpart_is_a_warning(run, sets, tmp_path):
    (tmp_path / "more").mkdir()
    for k in range(6):
        (tmp_path / "more" / f"{k}.png").write_bytes((sets / "max" / f"{k}.png").read_bytes())
    (tmp_path / "more" / "Thumbs.db").touch()
    outcome = run(*words(sets, "max"), "--fused", f"more={tmp_path / 'more'}")
    assert outcome.code == 0
    assert "Without a counterpart in the method more: Thumbs.db" in outcome.err
    assert "same values" in outcome.out  # the two methods are one


def test_a_method_beside_its_copy_says_why_ranks_are_tested(run, sets, tmp_path):
    (tmp_path / "twin").symlink_to(sets / "max")
    twins = (*words(sets, "max", "average", metrics="QABF"), "--fused", f"twin={tmp_path / 'twin'}")
    found = json.loads(run(*twins, "--json").out)["metrics"]["QABF"]["tests"]
    assert found["overall"]["name"] == "Friedman"
    assert "by the same in every pair: max and twin" in found["note"]
    assert "Ranks are tested, because these differ by nothing" in run(*twins).out


def test_a_warning_about_a_fused_image_says_of_which_method(run, sets, tmp_path):
    for k in range(6):
        pixels = np.asarray(Image.open(sets / "max" / f"{k}.png")).astype(np.uint16) * 16
        (tmp_path / "dark").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "dark" / f"{k}.png")
    outcome = run(*words(sets, "max", metrics="SSIM"), "--fused", f"dark={tmp_path / 'dark'}", "--json")
    assert outcome.code == 0, outcome.err
    assert "6 pairs: dark: FUSED: The picture has 16 bits" in outcome.err
    (warning,) = json.loads(outcome.out)["warnings"]["3"]
    assert warning.startswith("dark: FUSED: ")


def test_a_group_that_the_profile_lacks_in_part_is_said(run, sets):
    outcome = run(*words(sets, "max", metrics="paper"), "--profile", "cddfuse")
    assert "Warning: The profile cddfuse does not have EI." in outcome.err


def test_a_picture_that_does_not_fit_is_named_with_its_method_and_pair(run, sets, tmp_path):
    for k in range(6):
        saved(np.zeros((48, 40 if k == 2 else 48)), tmp_path / "odd" / f"{k}.png")
    outcome = run(*words(sets, "max"), "--fused", f"odd={tmp_path / 'odd'}", "-o", tmp_path / "t.csv")
    assert outcome.code == 5
    assert "odd, pair 2: FIXED and FUSED have different sizes" in outcome.err
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (("--fused", "nothing"), 2, "--fused nothing is not NAME=DIR"),
        (("--fused", "=somewhere"), 2, "is not NAME=DIR"),
        (("--fused", "max=elsewhere"), 2, "twice"),
        (("--fused", "gone=nowhere"), 3, "There is no folder nowhere"),
        (("--metrics", "QABF,NONSENSE"), 2, "no metric 'NONSENSE'"),
        (("--metrics", ""), 2, "no metric ''"),
        (("--profile", "nobody"), 2, "--profile nobody is not known"),
        (("-o", "table.xlsx"), 2, ".csv, .json, .tex, .md"),
        (("-o", "nowhere/table.csv"), 7, "There is no folder nowhere"),
        (("-o", "a.csv", "-o", "a.csv"), 2, "named twice"),
    ],
)
def test_a_wrong_word_ends_with_its_code_and_says_why(run, sets, tmp_path, monkeypatch, more, code, text):
    monkeypatch.chdir(tmp_path)
    outcome = run(*words(sets, "max"), *more)
    assert outcome.code == code
    assert text in outcome.err


def test_a_table_never_takes_the_place_of_an_image(run, sets, tmp_path):
    (tmp_path / "fused").mkdir()
    for k in range(6):
        (tmp_path / "fused" / f"{k}.png").write_bytes((sets / "max" / f"{k}.png").read_bytes())
    link = tmp_path / "t.csv"
    link.symlink_to(tmp_path / "fused" / "0.png")
    outcome = run(*words(sets, "max"), "--fused", f"own={tmp_path / 'fused'}", "-o", link, "--overwrite")
    assert outcome.code == 2
    assert "is an input" in outcome.err


def test_another_profile_has_its_own_metrics_and_values(run, sets):
    own = json.loads(run(*words(sets, "max", metrics="SSIM,SF"), "--json").out)
    other = json.loads(run(*words(sets, "max", metrics="SSIM,SF"), "--profile", "vifb", "--json").out)
    assert (own["profile"], other["profile"]) == ("fusecli", "vifb")
    means = [found["metrics"]["SSIM"]["methods"]["max"]["mean"] for found in (own, other)]
    assert means[1] > 1 > means[0]  # VIFB adds both sources
    assert run(*words(sets, "max", metrics="NABF"), "--profile", "vifb").code == 2


PEERS = ("MATR", "IFCNN-MAX", "ITFuse", "DATFuse")
COLUMNS = {key: key for key in ("IE", "AG", "SD", "SF", "SCD", "QABF", "EI", "SSIM")} | {
    "VIF": "VIF_sum",
    "NABF": "Nabf",
}


@pytest.mark.slow
def test_published_methods_on_real_pairs_score_as_their_own_toolkit_says(run, shared, tmp_path):
    """Four pairs of PET and MRI against the values of MMIF-CDDFuse for the same pictures, one by one.

    Both read the same 8-bit luma, so what may differ is half of the sixth decimal, the last that is printed.
    """
    task, names = shared / "data" / "harvard" / "test" / "PET-MRI", ("25080", "30043", "41048", "41052")
    table = shared / "peers" / "perimage_test.csv"
    if not (table.is_file() and (shared / "peers" / "fused").is_dir()):
        pytest.skip(f"the pictures of published methods are not here: {shared / 'peers'}")
    folders = {"MRI": task / "MRI", "PET": task / "PET"}
    folders |= {method: shared / "peers" / "fused" / method / "PET-MRI" for method in PEERS}
    for role, folder in folders.items():
        (tmp_path / role).mkdir()
        for name in names:
            (tmp_path / role / f"{name}.png").symlink_to(folder / f"{name}.png")
    fused = [word for method in PEERS for word in ("--fused", f"{method}={tmp_path / method}")]
    outcome = run("evaluate", "--fixed", tmp_path / "MRI", "--moving", tmp_path / "PET", *fused, "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)["metrics"]
    with table.open(encoding="utf-8") as file:
        rows = {(row["method"], row["image"]): row for row in csv.DictReader(file) if row["task"] == "PET-MRI"}
    for key, column in COLUMNS.items():
        for method in PEERS:
            published = {name: float(rows[method, f"{name}.png"][column]) for name in names}
            assert found[key]["methods"][method]["values"] == pytest.approx(published, rel=0, abs=5.1e-7)


def test_a_pair_in_which_no_metric_is_defined_is_left_out_and_said(run, sets, tmp_path):
    for k in range(6):
        source = np.asarray(Image.open(sets / "mri" / f"{k}.png"))
        saved(source * (k != 2), tmp_path / "mri" / f"{k}.png")
    words = ("--moving", sets / "pet", "--fused", f"max={sets / 'max'}", "--metrics", "SCD", "--json")
    found, whole = (
        json.loads(run("evaluate", "--fixed", fixed, *words).out)["metrics"]["SCD"]["methods"]["max"]
        for fixed in (tmp_path / "mri", sets / "mri")
    )
    assert found["values"]["2"] is None
    assert whole["values"]["2"] is not None
    kept = [value for name, value in whole["values"].items() if name != "2"]
    assert found["mean"] == pytest.approx(np.mean(kept))
