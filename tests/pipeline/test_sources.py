"""Each input is read once, both are two, and what is given by hand goes to the tracer and to what does not say."""

import shutil

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.history import last_step, warnings_of
from fusecli.demo import thorax_phantom, write_series
from fusecli.errors import InputError, UsageError
from fusecli.pipeline import read_sources
from fusecli.settings import FuseSettings, ReadSettings, SuvSettings

BY_HAND = FuseSettings(reading=ReadSettings(suv=SuvSettings(weight_kg=80.0)))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_series(thorax_phantom(ct_shape=(3, 32, 32)), tmp_path_factory.mktemp("sources") / "study")


@pytest.fixture
def times_read(monkeypatch):
    read, counted = formats.read, []

    def counting(path, **options):
        counted.append(path)
        return read(path, **options)

    monkeypatch.setattr(formats, "read", counting)
    return counted


def altered(path, **elements):
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def saved(path, seed=0):
    """Noise as a picture or a NIfTI, as the suffix says."""
    noise = np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)
    if path.suffix == ".png":
        Image.fromarray(noise).save(path)
    else:
        nibabel.save(nibabel.Nifti1Image(noise[..., None].astype(np.float32), np.eye(4)), path)
    return path


@pytest.mark.parametrize("is_swapped", [False, True])
def test_each_source_is_read_once_whichever_of_them_is_the_tracer(study, times_read, is_swapped):
    ct, pet = study
    fixed, moving = (pet, ct) if is_swapped else (ct, pet)
    sources = read_sources(fixed, moving, BY_HAND)
    assert sorted(times_read) == sorted([fixed, moving])
    tracer, other = (sources.fixed, sources.moving) if is_swapped else (sources.moving, sources.fixed)
    assert last_step(tracer.history, "read").facts["suv_given_weight_kg"] == 80.0
    assert "suv_given_weight_kg" not in last_step(other.history, "read").facts
    assert not any("no effect" in text for text in warnings_of((*tracer.history, *other.history)))


def test_quantities_without_a_tracer_are_said_to_have_no_effect(study, tmp_path, times_read):
    ct, _ = study
    other = tmp_path / "other"
    shutil.copytree(ct, other)
    altered(next(other.iterdir()), SeriesDescription="another")
    sources = read_sources(ct, other, BY_HAND)
    assert len(times_read) == 2
    assert any("no effect" in text for text in warnings_of(sources.moving.history))


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.nii"])
def test_one_file_is_no_pair_under_one_name_or_two(tmp_path, name):
    one, other = saved(tmp_path / name), saved(tmp_path / f"other_{name}", seed=1)
    copy = tmp_path / f"copy_{name}"
    shutil.copy(one, copy)
    for moving in (one, copy):
        with pytest.raises(InputError, match="one and the same image") as caught:
            read_sources(one, moving, FuseSettings())
        assert caught.value.exit_code == 3
        assert read_sources(one, moving, FuseSettings(), may_be_one=True)
    assert read_sources(one, other, FuseSettings())


def test_one_dicom_is_no_pair_as_a_file_or_as_a_copied_folder(study, tmp_path):
    ct, _ = study
    first, *_, last = sorted(ct.iterdir())
    shutil.copytree(ct, tmp_path / "copy")
    for fixed, moving in ((first, first), (ct, tmp_path / "copy")):
        with pytest.raises(InputError, match="one and the same"):
            read_sources(fixed, moving, FuseSettings())
    assert read_sources(first, last, FuseSettings(force_pair=True))


def test_a_modality_that_contradicts_what_dicom_states_is_refused(study):
    for lie, words in (
        (FuseSettings(fixed_modality=Modality.MRI), ("FIXED is CT", "--fixed-modality MRI")),
        (FuseSettings(moving_modality=Modality.SPECT), ("MOVING is PET", "--moving-modality SPECT")),
    ):
        with pytest.raises(UsageError) as caught:
            read_sources(*study, lie)
        assert all(word in caught.value.what for word in words)
        assert caught.value.hint.startswith("Leave --")
    true = read_sources(*study, FuseSettings(fixed_modality=Modality.CT, moving_modality=Modality.PET))
    assert (true.fixed.modality, true.moving.modality) == (Modality.CT, Modality.PET)


@pytest.mark.parametrize("modality", ["OT", "SC", "US"])
def test_a_dicom_of_no_known_modality_is_what_the_user_says(study, tmp_path, modality):
    path = shutil.copy(next(study[0].iterdir()), tmp_path / "one.dcm")
    altered(path, Modality=modality)
    declared = FuseSettings(fixed_modality=Modality.MRI, force_pair=True)
    assert read_sources(path, study[1], declared).fixed.modality is Modality.MRI


def test_a_side_car_states_a_modality_and_a_name_only_hints_at_it(tmp_path):
    fixed, named, beside = (saved(tmp_path / name, seed) for seed, name in enumerate(("x.nii", "ct.nii", "y.nii")))
    declared = FuseSettings(moving_modality=Modality.SPECT)
    assert read_sources(fixed, named, declared).moving.modality is Modality.SPECT
    (tmp_path / "y.json").write_text('{"Modality": "PT"}')
    with pytest.raises(UsageError, match="MOVING is PET") as caught:
        read_sources(fixed, beside, declared)
    assert "side-car" in caught.value.why
