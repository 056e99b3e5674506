"""What stands beside and in the header of a NIfTI of our own, and what of it is believed."""

import json
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.errors import OutputError
from fusecli.formats import nifti


def volume(modality=Modality.PET, intensity=Intensity.SUV, warnings=()):
    voxels = np.linspace(0, 3, 24, dtype=np.float32).reshape(2, 3, 4)
    history = (Step("read", {"suv_route": "a route"}, warnings),)
    return Image(voxels, Geometry((2, 3, 4), np.eye(4)), modality, intensity, Source("abc", "DICOM"), history)


def descrip(path):
    return bytes(nibabel.load(path).header["descrip"].item())


@pytest.mark.parametrize(
    ("modality", "intensity", "said"),
    [
        (Modality.PET, Intensity.SUV, b"fusecli PET SUVbw"),
        (Modality.PET, Intensity.SUVLBM, b"fusecli PET SUVlbm"),
        (Modality.PET, Intensity.SUVBSA, b"fusecli PET SUVbsa"),
        (Modality.PET, Intensity.BQML, b"fusecli PET Bq/mL"),
        (Modality.SPECT, Intensity.COUNTS, b"fusecli SPECT counts"),
        (Modality.CT, Intensity.HU, b"fusecli CT HU"),
        (Modality.MRI, Intensity.ARBITRARY, b"fusecli MRI arbitrary"),
    ],
)
def test_a_file_under_any_name_is_known_again_by_its_header(tmp_path, modality, intensity, said):
    nifti.write(volume(modality, intensity), tmp_path / "x.nii", packed=False)
    assert descrip(tmp_path / "x.nii") == said
    image = nifti.read(tmp_path / "x.nii")
    assert (image.modality, image.intensity) == (modality, intensity)


@pytest.mark.parametrize(
    ("modality", "intensity"),
    [(Modality.FUSED, Intensity.UNIT), (Modality.PET, Intensity.UNIT), (Modality.OTHER, Intensity.ARBITRARY)],
)
def test_what_has_no_unit_or_no_modality_has_no_note(tmp_path, modality, intensity):
    nifti.write(volume(modality, intensity), tmp_path / "x.nii", packed=False)
    assert descrip(tmp_path / "x.nii") == b""


@pytest.mark.parametrize("text", [b"FSL5.0", b"fusecli", b"fusecli PET furlong", b"fusecli XYZ HU", b"\xff\xfe PET HU"])
def test_another_text_in_a_header_tells_nothing(tmp_path, text):
    other = nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), np.eye(4))
    other.header["descrip"] = text
    nibabel.save(other, tmp_path / "x.nii")
    image = nifti.read(tmp_path / "x.nii")
    assert (image.modality, image.intensity) == (Modality.OTHER, Intensity.ARBITRARY)


@pytest.mark.parametrize(
    ("units", "intensity"), [("SUVlbm", Intensity.SUVLBM), ("suvbsa", Intensity.SUVBSA), ("SUVbw", Intensity.SUV)]
)
def test_the_side_car_of_another_program_names_every_norm(tmp_path, units, intensity):
    nibabel.save(nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), np.eye(4)), tmp_path / "x.nii")
    (tmp_path / "x.json").write_text(json.dumps({"Modality": "PT", "Units": units}))
    assert nifti.read(tmp_path / "x.nii").intensity is intensity


@pytest.mark.parametrize(("name", "intensity"), [("pet_suvlbm", Intensity.SUVLBM), ("sub-01_SUVbsa", Intensity.SUVBSA)])
def test_a_file_name_tells_a_norm_with_a_warning(tmp_path, name, intensity):
    nibabel.save(nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), np.eye(4)), tmp_path / f"{name}.nii")
    image = nifti.read(tmp_path / f"{name}.nii")
    assert (image.modality, image.intensity) == (Modality.PET, intensity)
    assert "by the file name" in image.history[0].warnings[0]


def test_a_side_car_holds_unit_history_and_warnings_and_can_be_written_as_json():
    document = nifti.side_car(volume(warnings=("careful",)))
    assert json.loads(json.dumps(document)) == document
    assert (document["Modality"], document["Units"], document["UnitsUCUM"]) == ("PT", "SUVbw", "g/ml")
    assert document["History"] == [{"Step": "read", "suv_route": "a route"}]
    assert (document["Warnings"], document["SourceSHA256"]) == (["careful"], "abc")


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz", "x.NII.GZ", "x.hdr", "x.img"])
def test_the_side_car_of_every_form_of_a_nifti_has_the_same_name(tmp_path, name):
    assert nifti.side_car_path(tmp_path / name) == tmp_path / "x.json"
    assert nifti.side_car_path(tmp_path / "y.nii") != tmp_path / "x.json"


def beside(path):
    path.write_text(json.dumps(nifti.side_car(volume())))
    return path


def test_the_side_car_of_a_file_that_is_replaced_goes_with_it(tmp_path):
    formats.write(volume(), tmp_path / "x.nii.gz")
    side_car = beside(tmp_path / "x.json")
    fused = replace(volume(Modality.FUSED, Intensity.UNIT), voxels=volume().voxels / 3)
    formats.write(fused, tmp_path / "x.nii.gz", overwrite=True)
    assert not side_car.exists()
    assert formats.read(tmp_path / "x.nii.gz").intensity is Intensity.UNIT


@pytest.mark.parametrize("content", ['{"Units": "SUVbw"}', "[]", "no JSON", '{"GeneratedBy": [{"Name": "other"}]}'])
def test_what_somebody_else_wrote_beside_it_stays(tmp_path, content):
    formats.write(volume(), tmp_path / "x.nii.gz")
    (tmp_path / "x.json").write_text(content)
    formats.write(volume(), tmp_path / "x.nii.gz", overwrite=True)
    assert (tmp_path / "x.json").read_text() == content


def test_a_side_car_of_another_name_and_one_of_a_failed_write_stay(tmp_path, monkeypatch):
    formats.write(volume(), tmp_path / "x.nii.gz")
    own, other = beside(tmp_path / "x.json"), beside(tmp_path / "y.json")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nibabel.Nifti1Header, "write_to", fails)
    with pytest.raises(OutputError):
        formats.write(volume(), tmp_path / "x.nii.gz", overwrite=True)
    assert own.exists()
    assert other.exists()
