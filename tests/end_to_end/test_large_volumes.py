"""Volumes that are held in files give what volumes in memory give, bit for bit, and nothing of them is left."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fusecli import formats
from fusecli.core import scratch
from fusecli.demo import thorax_phantom, write_series

QUICK = ("--model", "average")

# What is asked for, and the name of what it becomes.
RESULTS = {
    "volume": ("f.nii", ()),
    "packed volume": ("f.nii.gz", ("--palette", "none", "--window", "auto")),
    "volume of cubes": ("f.nii", ("--grid", "iso:5")),
    "pages": ("f.tif", ()),
    "pictures": ("f.png", ("--planes", "coronal", "--color-bar")),
    "sagittal volume": ("f.nii", ("--planes", "sagittal", "--mip", "mip.png", "--coverage", "cover.nii")),
    "series": ("f", ("--format", "dicom")),
    "one file": ("f.dcm", ("--dicom", "multiframe")),
}


@dataclass(frozen=True)
class Series:
    ct: Path
    pet: Path


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """More slices than are worked on at a time, of an odd number of pixels."""
    phantom = thorax_phantom(ct_shape=(19, 65, 67))
    return Series(*write_series(phantom, tmp_path_factory.mktemp("large") / "study"))


@pytest.fixture
def in_files(monkeypatch):
    """All volumes lie in files from here on; says how many there were."""
    made = []

    def begin():
        monkeypatch.setattr(scratch, "LARGE_BYTES", 4096)
        really = scratch._mapped
        monkeypatch.setattr(scratch, "_mapped", lambda size: made.append(size) or really(size))
        return made

    return begin


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fused(run, series, folder, name, options):
    folder.mkdir()
    named = [folder / word if Path(word).suffix in (".png", ".nii") else word for word in options]
    outcome = run("fuse", series.ct, series.pet, "-o", folder / name, *QUICK, *named)
    assert outcome.code == 0, outcome.err
    return contents(folder)


@pytest.mark.parametrize("what", RESULTS)
def test_results_are_the_same_bytes_whether_volumes_lie_in_files_or_in_memory(run, series, tmp_path, in_files, what):
    expected = fused(run, series, tmp_path / "memory", *RESULTS[what])
    made = in_files()
    assert fused(run, series, tmp_path / "files", *RESULTS[what]) == expected
    assert len(made) > 5


def test_a_multi_frame_file_holds_the_pixels_of_the_series(run, series, tmp_path):
    fused(run, series, tmp_path / "one", "f.dcm", ("--dicom", "multiframe"))
    fused(run, series, tmp_path / "many", "f", ("--format", "dicom"))
    one, many = formats.read(tmp_path / "one" / "f.dcm"), formats.read(tmp_path / "many" / "f")
    assert one.geometry.shape == (19, 65, 67)
    assert np.array_equal(one.voxels, many.voxels)


@pytest.mark.parametrize("packed", [".nii", ".nii.gz"])
def test_numbers_are_kept_through_a_nifti_of_any_kind(run, series, tmp_path, in_files, packed):
    expected = formats.read(series.ct).voxels
    in_files()
    outcome = run("convert", series.ct, "-o", tmp_path / f"ct{packed}")
    assert outcome.code == 0, outcome.err
    back = formats.read(tmp_path / f"ct{packed}").voxels
    assert scratch.is_in_file(back)
    assert np.array_equal(back, expected)


def test_a_temporary_folder_that_is_gone_ends_the_run_with_its_name_and_nothing_written(run, series, tmp_path, in_files,
                                                                                        monkeypatch):  # fmt: skip
    in_files()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "gone"))
    (tmp_path / "out").mkdir()
    outcome = run("fuse", series.ct, series.pet, "-o", tmp_path / "out" / "f.nii.gz", *QUICK)
    assert outcome.code == 10
    assert "TMPDIR" in outcome.err
    assert "gone" in outcome.err
    assert list((tmp_path / "out").iterdir()) == []


WHOLE_RUN = """
import resource, sys
from pathlib import Path
import numpy as np
from fusecli import formats, fusion, models, pipeline
from fusecli.catalog import Modality
from fusecli.core import scratch
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.settings import FuseSettings

def image(voxels, spacings_mm, modality, intensity):
    affine = np.diag([*spacings_mm, 1.0])[[2, 1, 0, 3]]
    return Image(voxels, Geometry(voxels.shape, affine), modality, intensity)

scratch.LARGE_BYTES = 2**20
slices, folder = int(sys.argv[1]), Path(sys.argv[2])
folder.mkdir()
noise = np.random.default_rng(0).uniform(-1000, 400, (scratch.SLAB, 192, 192)).astype(np.float32)
voxels = scratch.empty((slices, 192, 192))
for part in scratch.slabs(voxels):
    voxels[part] = noise[: part.stop - part.start]
ct = image(scratch.frozen(voxels), (1, 2, 2), Modality.CT, Intensity.HU)
pet = image(9 * noise[:, ::4, ::4] / 400, (slices / scratch.SLAB, 8, 8), Modality.PET, Intensity.SUV)
aligned, coverage = pipeline.put_on_one_grid(ct, pet)
sources = pipeline.Sources(ct, pet, ct, pet)
pair = pipeline.normalize_pair(sources, aligned, coverage, FuseSettings(window="auto"))
fused = fusion.fuse(pair, models.load("max"))
shown = pipeline.paint(fused, pair.moving, pipeline.coloring(ct, aligned, None))
formats.write(shown, folder / "f.nii")
formats.write(fused, folder / "f.tif")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_megabytes(slices, folder):
    words = [sys.executable, "-c", WHOLE_RUN, str(slices), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the largest resident size differs elsewhere")
def test_memory_does_not_grow_with_the_number_of_slices(tmp_path):
    few, many = peak_megabytes(40, tmp_path / "few"), peak_megabytes(200, tmp_path / "many")
    one_volume = 160 * 192 * 192 * 4 / 2**20  # what the further slices take; about eight volumes are made of them
    assert many < few + one_volume
