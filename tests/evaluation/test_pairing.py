import pytest

from fusecli.errors import InputError
from fusecli.evaluation import match


@pytest.fixture
def folders(tmp_path):
    """A maker of folders with empty files: pairing looks at names only."""

    def make(**names):
        for folder, files in names.items():
            (tmp_path / folder).mkdir()
            for name in files.split():
                (tmp_path / folder / name).touch()
        return {folder: tmp_path / folder for folder in names}

    return make


def test_files_belong_together_by_name_whatever_their_suffix(folders):
    f = folders(mri="b.png a.nii.gz", pet="a.png b.DCM", ours="a.tif b.jpeg")
    cases = match(f["mri"], f["pet"], {"ours": f["ours"]}).cases
    assert [case.name for case in cases] == ["a", "b"]
    assert cases[0].fixed == f["mri"] / "a.nii.gz"
    assert cases[1].moving == f["pet"] / "b.DCM"
    assert cases[1].fused == {"ours": f["ours"] / "b.jpeg"}


def test_a_name_with_dots_that_are_no_suffix_stays_whole(folders):
    f = folders(mri="1.2.840.1 1.2.840.2", pet="1.2.840.1 1.2.840.2", ours="1.2.840.1 1.2.840.2")
    assert [case.name for case in match(f["mri"], f["pet"], {"ours": f["ours"]}).cases] == ["1.2.840.1", "1.2.840.2"]


def test_a_folder_is_an_image_and_a_hidden_file_is_none(folders):
    f = folders(mri=".DS_Store", pet="01.nii", ours="01.png")
    (f["mri"] / "01").mkdir()
    assert match(f["mri"], f["pet"], {"ours": f["ours"]}).cases[0].fixed == f["mri"] / "01"


def test_what_has_no_counterpart_is_named_and_what_has_one_is_not(folders):
    f = folders(mri="a.png x.png", pet="a.png y.png", ours="a.png z.png")
    notes = "\n".join(match(f["mri"], f["pet"], {"ours": f["ours"]}).notes)
    assert all(name in notes for name in ("x.png", "y.png", "z.png", "the method ours"))
    assert "a.png" not in notes
    assert match(f["mri"], f["mri"], {"ours": f["mri"]}).notes == ()


def test_a_method_that_lacks_pairs_is_refused_with_their_names(folders):
    f = folders(mri="a.png b.png c.png", pet="a.png b.png c.png", one="a.png b.png c.png", two="b.png")
    with pytest.raises(InputError) as caught:
        match(f["mri"], f["pet"], {"one": f["one"], "two": f["two"]})
    assert "two lacks 2 of 3: a, c" in caught.value.why
    assert "one lacks" not in caught.value.why
    assert "--common" in caught.value.hint


def test_common_takes_the_pairs_that_all_methods_have_and_says_how_many(folders):
    f = folders(mri="a.png b.png c.png", pet="a.png b.png c.png", one="a.png b.png", two="b.png c.png")
    pairing = match(f["mri"], f["pet"], {"one": f["one"], "two": f["two"]}, common=True)
    assert [case.name for case in pairing.cases] == ["b"]
    assert pairing.notes == ("Evaluated: the 1 of 3 pairs that all methods have. Left out: a, c.",)
    assert pairing.left_out == ("a", "c")
    assert match(f["mri"], f["pet"], {"one": f["one"]}, common=True).left_out == ("c",)
    assert match(f["mri"], f["pet"], {"all": f["mri"]}, common=True).left_out == ()


def test_names_that_batch_made_longer_are_refused_with_the_option_that_keeps_them(folders):
    f = folders(mri="a.png b.png", pet="a.png b.png", p8="a_max.png b_max.png results.csv", other="c.png")
    with pytest.raises(InputError) as caught:
        match(f["mri"], f["pet"], {"max": f["p8"]})
    assert "--name '{id}'" in caught.value.hint
    assert str(f["p8"]) in caught.value.hint
    with pytest.raises(InputError) as caught:
        match(f["mri"], f["pet"], {"max": f["other"]})
    assert "--name" not in caught.value.hint


def test_what_batch_writes_beside_its_results_is_no_image(folders):
    f = folders(mri="a.png", pet="a.png", p8="a.png results.csv results.jsonl index.html", plain="a.png x.html")
    for folder in ("records", "reports"):
        (f["p8"] / folder).mkdir()
    assert match(f["mri"], f["pet"], {"max": f["p8"]}).notes == ()
    assert "x.html" in match(f["mri"], f["pet"], {"max": f["plain"]}).notes[0]


def test_common_without_any_pair_is_refused(folders):
    f = folders(mri="a.png b.png", pet="a.png b.png", one="a.png", two="b.png")
    with pytest.raises(InputError, match="Not every method"):
        match(f["mri"], f["pet"], {"one": f["one"], "two": f["two"]}, common=True)


def test_two_files_of_one_name_are_refused_but_not_the_halves_of_an_analyze_image(folders):
    f = folders(mri="a.png", twice="a.png a.jpg", halves="a.hdr a.img")
    with pytest.raises(InputError, match=r"two files named a: a\.jpg and a\.png"):
        match(f["mri"], f["twice"], {"ours": f["mri"]})
    assert match(f["mri"], f["halves"], {"ours": f["mri"]}).cases[0].moving.name == "a.hdr"


@pytest.mark.parametrize(("broken", "text"), [("absent", "no folder"), ("empty", "is empty"), ("file", "is a file")])
def test_a_folder_that_is_missing_empty_or_a_file_is_refused(folders, tmp_path, broken, text):
    f = folders(mri="a.png", empty="")
    (tmp_path / "file").touch()
    for roles in ((broken, "mri", "mri"), ("mri", broken, "mri"), ("mri", "mri", broken)):
        fixed, moving, fused = (f.get(role, tmp_path / role) for role in roles)
        with pytest.raises(InputError, match=text):
            match(fixed, moving, {"ours": fused})


def test_sources_without_a_common_name_are_refused_and_a_long_list_is_cut(folders):
    f = folders(mri=" ".join(f"m{k:03}.png" for k in range(30)), pet="p.png")
    with pytest.raises(InputError) as caught:
        match(f["mri"], f["pet"], {"ours": f["pet"]})
    assert "m019 and 10 more" in caught.value.why
    assert "m020" not in caught.value.why
