"""Options set outside of the command line: flags before environment before ./fusecli.toml before the user's file."""

import pytest
from typer.main import get_command

from fusecli.cli import configuration
from fusecli.cli.app import app
from fusecli.cli.configuration import configured
from fusecli.errors import UsageError


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write the project's file and the user's."""
    monkeypatch.chdir(tmp_path)
    user = tmp_path / "home" / "fusecli.toml"
    user.parent.mkdir()
    monkeypatch.setattr(configuration, "user_file", lambda: user)

    def write(project="", own=""):
        (tmp_path / "fusecli.toml").write_text(project)
        user.write_text(own)

    return write


def defaults(**environment):
    return configured(get_command(app), environment)


def test_without_any_file_there_is_no_default(files):
    assert defaults()["fuse"] == {}
    assert defaults()["models"]["list"] == {}


def test_the_nearer_place_counts(files):
    files(
        project='[fuse]\nmodel = "max"\nwindow = "lung"', own='[fuse]\nmodel = "average"\npalette = "pet"\nalpha = 0.1'
    )
    assert defaults(FUSECLI_FUSE_WINDOW="bone")["fuse"] == {
        "model": "max",
        "window": "bone",
        "palette": "pet",
        "alpha": 0.1,
    }


def test_a_flag_counts_before_all(files, run, pictures_here):
    files(project='[fuse]\nmodel = "nothing"')
    fixed, moving = pictures_here
    assert run("fuse", fixed, moving, "-o", "a.png").code == 2  # the file's word counts, and is not known
    assert run("fuse", fixed, moving, "-o", "a.png", "--model", "max").code == 0


def test_an_option_of_the_file_has_effect(files, run, pictures_here):
    files(project='[fuse]\nmodel = "max"\njson = true')
    fixed, moving = pictures_here
    outcome = run("fuse", fixed, moving, "-o", "a.png")
    assert outcome.code == 0, outcome.err
    assert '"name": "max"' in outcome.out


def test_the_environment_has_effect(files, run, pictures_here, monkeypatch):
    files(project='[fuse]\nmodel = "average"')
    monkeypatch.setenv("FUSECLI_FUSE_MODEL", "max")
    monkeypatch.setenv("FUSECLI_FUSE_JSON", "1")
    fixed, moving = pictures_here
    assert '"name": "max"' in run("fuse", fixed, moving, "-o", "a.png").out


def test_commands_of_a_group_have_tables_of_their_own(files):
    files(project="[models.list]\njson = true")
    assert defaults()["models"]["list"] == {"json": True}
    assert defaults(FUSECLI_MODELS_LIST_JSON="0")["models"]["list"] == {"json": "0"}


def test_an_option_is_named_as_on_the_command_line(files):
    files(project='[fuse]\nslice = "3"\nsuv-range = "0-5"\nfixed_modality = "CT"')
    assert defaults()["fuse"] == {"slice_": "3", "suv_range": "0-5", "fixed_modality": "CT"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[fuse]\nmodle = "max"', "Did you mean model"),
        ('[fusee]\nmodel = "max"', "Did you mean fuse"),
        ('model = "max"', "not known"),
        ("[fuse]\nfixed = 'a.png'", "not known"),
        ("[fuse]\nmodel = ", "cannot be read"),
        ("[fuse.model]\nx = 1", "not known"),
    ],
)
def test_what_is_not_known_is_refused(files, text, why):
    files(project=text)
    with pytest.raises(UsageError, match=why):
        defaults()


def test_an_option_that_is_not_known_is_refused_in_the_environment_too(files):
    with pytest.raises(UsageError, match="Did you mean model"):
        defaults(FUSECLI_FUSE_MODLE="max")
    defaults(FUSECLI_WEIGHTS="/weights", FUSECLI_SHARED="/shared")  # which are not options


def test_a_wrong_file_is_an_exit_code_and_a_sentence(files, run):
    files(project="[fuse]\nmodle = 1")
    outcome = run("models", "list")
    assert outcome.code == 2
    assert "fusecli.toml has 'modle' in [fuse]" in outcome.err


@pytest.fixture
def pictures_here(tmp_path):
    import numpy as np
    from PIL import Image

    ramp = np.arange(40 * 40, dtype=np.uint16).reshape(40, 40) // 8
    paths = tmp_path / "mri.png", tmp_path / "pet.png"
    for path, image in zip(paths, (ramp, ramp[::-1]), strict=True):
        Image.fromarray(image.astype(np.uint8)).save(path)
    return paths


def test_a_misspelled_command_in_the_environment_is_refused_and_other_variables_are_not_ours(files):
    files()
    with pytest.raises(UsageError) as refused:
        defaults(FUSECLI_CONVRT_UNITS="suvbw")
    assert "convert" in refused.value.hint
    assert defaults(FUSECLI_WEIGHTS="/somewhere", FUSECLI_SHARED="x") == defaults()
