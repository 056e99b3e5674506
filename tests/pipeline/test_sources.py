"""Each input is read once, and what is given by hand goes to the tracer."""

import shutil

import pytest

from fusecli import formats
from fusecli.core.history import last_step, warnings_of
from fusecli.demo import thorax_phantom, write_series
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
    sources = read_sources(ct, other, BY_HAND)
    assert len(times_read) == 2
    assert any("no effect" in text for text in warnings_of(sources.moving.history))
