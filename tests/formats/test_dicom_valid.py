"""What a source has wrong is not handed on, and what it has right is; whose it is stays byte for byte."""

import os
import shutil
import subprocess

import pytest
from pydicom import Dataset, config, dcmread, dcmwrite
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from fusecli import conversion, pipeline
from fusecli.demo import thorax_phantom, write_series
from fusecli.formats.dicom.inherited import inherit
from fusecli.formats.dicom.valid import is_uid, valid_element, valid_items
from fusecli.settings import ConvertSettings, FuseSettings

# An element, and values of it that its type, its length, its number of values or PS3.3 forbid.
BROKEN = {
    "PatientSex": ["N/A", "FEMALE", r"M\F"],
    "PatientBirthDate": ["19991340", "1999-01-01", "19990101-20000101", "unknown"],
    "PatientBirthTime": ["25:00", "256199"],
    "PatientAge": ["22Y", "22", "0022Y"],
    "PatientSize": ["1.75 m", "tall"],
    "PatientWeight": ["70kg", "70,5"],
    "OtherPatientNames": ["A" * 65, "A=B=C=D"],
    "EthnicGroup": ["A" * 17, r"A\B"],
    "ResponsiblePersonRole": ["somebody", "A" * 17],
    "PregnancyStatus": [0, 9],
    "QualityControlSubject": ["MAYBE"],
    "PatientSexNeutered": ["YES"],
    "PatientIdentityRemoved": ["PARTLY"],
    "LongitudinalTemporalInformationModified": ["SHIFTED"],
    "StudyDate": ["2020", "20201301"],
    "StudyTime": ["99", "noon"],
    "StudyDescription": ["A" * 65, r"A\B", "A\x07"],
    "ReferringPhysicianName": ["A" * 65],
    "TimezoneOffsetFromUTC": ["A" * 17, "CET"],
    "BodyPartExamined": ["CHEST-X", "A" * 17],
    "PatientPosition": ["SUPINE"],
    "PositionReferenceIndicator": ["A" * 65],
    "Laterality": ["LEFT", "B"],
    "ImageLaterality": ["BOTH"],
    "LossyImageCompressionRatio": ["10:1"],
    "LossyImageCompressionMethod": ["JPEG"],
    "ClinicalTrialSponsorName": ["A" * 65],
    "ClinicalTrialTimePointID": ["A" * 65],
    "AcquisitionDateTime": ["2020-01-01"],
    "KVP": ["high"],
    "MedicalAlerts": ["A" * 65],
}
# What decides more than itself, and is judged where it is used.
ALSO_BROKEN = {
    "BurnedInAnnotation": ["MAYBE", "no"],
    "RecognizableVisualFeatures": ["MAYBE"],
    "LossyImageCompression": ["1", "YES"],
    "Manufacturer": ["A" * 65],
    "InstitutionName": ["A" * 65, r"A\B"],
    "StationName": ["A" * 17],
    "DeviceSerialNumber": ["A" * 65],
    "FrameOfReferenceUID": ["1.02.3", "not a UID"],
    "SeriesNumber": ["three"],
    "ConvolutionKernel": ["A" * 17],
}
RIGHT = {
    "PatientSex": "M",
    "PatientBirthDate": "19990101",
    "PatientAge": "022Y",
    "PatientSize": "1.75",
    "PregnancyStatus": 4,
    "QualityControlSubject": "NO",
    "StudyDescription": "Thorax",
    "OtherPatientNames": r"A^B\C^D",
    "TimezoneOffsetFromUTC": "+0100",
    "BodyPartExamined": "CHEST",
    "PatientPosition": "FFDL",
    "Laterality": "L",
    "ImageLaterality": "B",
    "LossyImageCompressionMethod": "ISO_15444_1",
    "MedicalAlerts": r"a\b",
}


def ruined(dataset, keyword, value):
    """Put bytes into a data set as a file would have them, whatever they are."""
    vr = dictionary_VR(tag_for_keyword(keyword))
    content = value.to_bytes(2, "little") if isinstance(value, int) else value.encode()
    content += b" " * (len(content) % 2)
    tag = tag_for_keyword(keyword)
    dataset[tag] = RawDataElement(Tag(tag), vr, len(content), content, 0, False, True)


@pytest.fixture(autouse=True)
def quiet_pydicom(monkeypatch):
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)


@pytest.mark.parametrize(("keyword", "value"), [(key, value) for key, values in BROKEN.items() for value in values])
def test_a_value_that_is_not_valid_is_none(keyword, value):
    header = Dataset()
    ruined(header, keyword, value)
    assert valid_element(header, keyword) is None


@pytest.mark.parametrize(("keyword", "value"), RIGHT.items())
def test_a_value_that_is_valid_is_itself(keyword, value):
    header = Dataset()
    ruined(header, keyword, value)
    element = valid_element(header, keyword)
    assert element is not None
    assert element == header[keyword]


@pytest.mark.parametrize(("keyword", "value"), [("PatientSex", "f"), ("PatientPosition", "hfs"), ("Laterality", "r")])
def test_a_code_in_small_letters_is_written_in_capitals(keyword, value):
    header = Dataset()
    ruined(header, keyword, value)
    assert valid_element(header, keyword).value == value.upper()


def test_letters_beyond_ascii_need_a_character_set():
    header = Dataset()
    ruined(header, "StudyDescription", "Schädel")
    assert valid_element(header, "StudyDescription") is None
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 192"
    header.StudyDescription = "Schädel"
    assert valid_element(header, "StudyDescription").value == "Schädel"


def test_decimals_of_too_many_digits_are_rounded():
    header = Dataset()
    ruined(header, "PatientWeight", "70.123456789012345678")
    element = valid_element(header, "PatientWeight")
    assert float(element.value) == pytest.approx(70.123456789, rel=1e-12)
    assert len(str(element.value)) <= 16


def coded(**values):
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


WHOLE = {"CodeValue": "1", "CodingSchemeDesignator": "99X", "CodeMeaning": "one"}


def test_a_code_that_says_less_than_it_must_is_left_out():
    lacking = [coded(**{key: value for key, value in WHOLE.items() if key != left_out}) for left_out in WHOLE]
    assert valid_items(lacking, "ProcedureCodeSequence", is_ascii=True) == []
    kept = [coded(**WHOLE), coded(URNCodeValue="urn:x:1", CodeMeaning="one")]
    assert valid_items([*lacking, *kept], "ProcedureCodeSequence", is_ascii=True) == kept


def test_an_item_loses_what_is_broken_and_what_is_a_makers_own():
    item = coded(**WHOLE)
    item.private_block(0x0009, "MAKER", create=True).add_new(0x01, "LO", "secret")
    ruined(item, "CodingSchemeVersion", "A" * 17)
    (found,) = valid_items([item], "ProcedureCodeSequence", is_ascii=True)
    assert found == coded(**WHOLE)


def test_another_id_of_the_patient_needs_its_type():
    whole = coded(PatientID="2", TypeOfPatientID="TEXT")
    assert valid_items([coded(PatientID="1"), whole], "OtherPatientIDsSequence", is_ascii=True) == [whole]


def test_an_issuer_is_named_or_is_none():
    whole = coded(UniversalEntityID="1.2", UniversalEntityIDType="ISO")
    found = valid_items([coded(UniversalEntityID="1.2"), whole], "IssuerOfAccessionNumberSequence", is_ascii=True)
    assert found == [whole]


@pytest.mark.parametrize(("uid", "expected"), [("1.2.3", True), ("1.02.3", False), ("", False), ("1." * 33, False)])
def test_a_uid_has_numbers_without_leading_zeros(uid, expected):
    assert is_uid(uid) is expected


def test_whose_it_is_stays_however_wrong():
    header, derived = Dataset(), Dataset()
    header.file_meta = Dataset()
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    wrong = {"PatientID": "A" * 70, "StudyID": "B" * 20, "AccessionNumber": r"C\D", "StudyInstanceUID": "1.02.3"}
    for keyword, value in wrong.items():
        ruined(header, keyword, value)
    inherit(derived, header, header)
    assert {keyword: derived[keyword].value for keyword in wrong} == {key: header[key].value for key in wrong}


def test_ratios_and_methods_of_compression_belong_together():
    def inherited(*sources):
        headers, derived = [], Dataset()
        for ratio, method in sources:
            header = Dataset()
            header.file_meta = coded(TransferSyntaxUID="1.2.840.10008.1.2.1")
            header.LossyImageCompression = "01"
            for keyword, value in (("LossyImageCompressionRatio", ratio), ("LossyImageCompressionMethod", method)):
                if value:
                    ruined(header, keyword, value)
            headers.append(header)
        inherit(derived, headers[0], headers[-1])
        return derived.get("LossyImageCompressionRatio"), derived.get("LossyImageCompressionMethod")

    jpeg = "ISO_10918_1"
    assert inherited(("10", jpeg)) == (10, jpeg)
    assert inherited(("10", jpeg), ("20", jpeg)) == ([10, 20], [jpeg, jpeg])
    assert inherited(("10", jpeg), ("20", "JPEG")) == ([10, 20], None)
    assert inherited(("10:1", jpeg)) == (None, None)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_series(thorax_phantom(ct_shape=(2, 48, 48)), tmp_path_factory.mktemp("phantom") / "study")


TRIAL = {"ClinicalTrialProtocolID": "P", "ClinicalTrialSubjectID": "1"}
INCOMPLETE = {
    **dict.fromkeys(
        ("ProcedureCodeSequence", "PatientSpeciesCodeSequence", "DeidentificationMethodCodeSequence"), "CodeValue"
    ),
    "OtherPatientIDsSequence": "PatientID",
    "IssuerOfAccessionNumberSequence": "UniversalEntityID",
}


def broken_copy(source, target, number):
    """A series in which every element has the `number`-th of its broken values, and every item is incomplete."""
    target.mkdir()
    for file in source.iterdir():
        dataset = dcmread(file)
        for keyword, value in TRIAL.items():
            setattr(dataset, keyword, value)
        for keyword, inside in INCOMPLETE.items():
            setattr(dataset, keyword, [coded(**{inside: "1"})])
        for keyword, values in (BROKEN | ALSO_BROKEN).items():
            ruined(dataset, keyword, values[number % len(values)])
        dcmwrite(target / file.name, dataset)
    return target


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (Debian: dicom3tools)")
@pytest.mark.parametrize("number", range(4))
def test_a_validator_finds_no_error_in_what_is_made_of_a_broken_header(study, tmp_path, number):
    ct = broken_copy(study[0], tmp_path / "ct", number)
    assert len(errors_in(ct)) > 10
    for layout in ("series", "multiframe"):
        pipeline.fuse_files(ct, study[1], tmp_path / layout, FuseSettings(model="max", dicom=layout))
    conversion.convert_file(ct, tmp_path / "grey", ConvertSettings(dicom=True))
    assert [error for name in ("series", "multiframe", "grey") for error in errors_in(tmp_path / name)] == []


def errors_in(folder):
    found = []
    for file in sorted(folder.iterdir()):
        done = subprocess.run(["dciodvfy", os.fspath(file)], capture_output=True, timeout=60, check=False)
        said = (done.stdout + done.stderr).decode("utf-8", errors="replace")
        found += [line for line in said.splitlines() if line.startswith("Error")]
    return found
