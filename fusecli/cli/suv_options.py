"""The words by which quantities of a PET are given by hand: their types, help and parsing."""

import re
from datetime import datetime, time
from typing import Annotated

import typer

from fusecli.catalog import SUV_NORMS
from fusecli.cli.options import one_of
from fusecli.errors import UsageError
from fusecli.settings import ReadSettings, SuvSettings

_NUMBER_AND_UNIT = re.compile(r"(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s*([A-Za-zµμ]*)", re.ASCII)
_BQ_IN_ONE = {
    "": 1,
    "bq": 1,
    "kbq": 1e3,
    "mbq": 1e6,
    "gbq": 1e9,
    "uci": 3.7e4,
    "µci": 3.7e4,
    "mci": 3.7e7,
    "ci": 3.7e10,
}
_SECONDS_IN_ONE: dict[str, float] = {"": 1, "s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86_400}
_KG_IN_ONE = {"": 1, "kg": 1, "g": 1e-3}
# Below 0.1 MBq nothing can be imaged: a number that small is one of MBq or mCi without its unit.
_DOSES_BQ = (1e5, 1e12)
_WEIGHTS_KG = (1e-3, 1000.0)
_HALF_LIVES_S = (1.0, 1e8)


def reading_settings(
    *,
    allow_gaps: bool,
    suv_norm: str,
    suv_weight: str | None,
    suv_dose: str | None,
    suv_injected_at: str | None,
    suv_half_life: str | None,
) -> ReadSettings:
    """How `fuse` and `metrics` read their sources, checked.

    Raises what `suv_settings` does.
    """
    return ReadSettings(allow_gaps, suv_settings(suv_weight, suv_dose, suv_injected_at, suv_half_life, suv_norm))


def suv_settings(
    weight: str | None, dose: str | None, injected_at: str | None, half_life: str | None, norm: str = "bw"
) -> SuvSettings:
    """Which SUV, and what is given by hand, checked.

    Raises UsageError for a word that is not what its option asks for.
    """
    return SuvSettings(
        norm=str(one_of("--suv-norm", norm, SUV_NORMS)),
        weight_kg=None if weight is None else parse_weight(weight),
        dose_bq=None if dose is None else parse_dose(dose),
        injected_at=None if injected_at is None else parse_moment(injected_at),
        half_life_s=None if half_life is None else parse_half_life(half_life),
    )


def parse_weight(text: str) -> float:
    """`70` and `70kg` are 70 kg.

    Raises UsageError for anything else, and for a weight that nobody has.
    """
    hint = "Give the weight in kg: --suv-weight 70"
    return _quantity("--suv-weight", text, _KG_IN_ONE, _WEIGHTS_KG, hint)


def parse_dose(text: str) -> float:
    """`370MBq`, `10mCi` and `3.7e8` are 370 MBq, in Bq.

    Raises UsageError for anything else, and for a dose that nobody is given.
    """
    hint = "Give the dose with its unit: --suv-dose 370MBq, or 10mCi; a number alone is in Bq."
    return _quantity("--suv-dose", text, _BQ_IN_ONE, _DOSES_BQ, hint)


def parse_half_life(text: str) -> float:
    """`109.8min`, `1.83h` and `6588` are 6588 s.

    Raises UsageError for anything else.
    """
    hint = "Give the half-life with its unit: --suv-half-life 109.8min, 1.83h or 3.3d; a number alone is in seconds."
    return _quantity("--suv-half-life", text, _SECONDS_IN_ONE, _HALF_LIVES_S, hint)


def parse_moment(text: str) -> str:
    """`10:30` and `10:30:15` as the DICOM time 103015, `2025-01-31T10:30` as the DICOM date and time 20250131103000.

    Raises UsageError for anything else, a date without a time and a time zone among it.
    """
    try:
        if re.fullmatch(r"\d{1,2}:\d\d(:\d\d(\.\d{1,6})?)?", text, re.ASCII):
            clock = time.fromisoformat(text.rjust(len(text) + (text.index(":") == 1), "0"))
            return _as_dicom(clock, "%H%M%S")
        if re.match(r"\d{4}-?\d\d-?\d\d[T ]\d", text, re.ASCII):
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                return _as_dicom(moment, "%Y%m%d%H%M%S")
    except ValueError:
        pass
    raise UsageError(
        f"--suv-injected-at {text} is no time of injection.",
        why="It is read by the clock of the scanner, without a time zone.",
        hint="Give a time, or a date and a time: --suv-injected-at 10:30 or 2025-01-31T10:30:15",
    )


def _as_dicom(moment: time | datetime, form: str) -> str:
    return moment.strftime(form) + (f".{moment.microsecond:06d}" if moment.microsecond else "")


def _quantity(option: str, text: str, in_one: dict[str, float], limits: tuple[float, float], hint: str) -> float:
    found = _NUMBER_AND_UNIT.fullmatch(text.strip())
    # In lower case mBq is MBq: nobody is injected with a thousandth of a becquerel.
    unit = found[2].lower().replace("μ", "µ") if found else None
    if found is None or unit not in in_one:
        raise UsageError(f"{option} {text} is not understood.", hint=hint)
    value, (low, high) = float(found[1]) * in_one[unit], limits
    if not low <= value <= high:
        raise UsageError(f"{option} {text} cannot be meant.", why=f"It is not between {low:g} and {high:g}.", hint=hint)
    return value


_PANEL = "SUV of a PET"

SuvNorm = Annotated[
    str,
    typer.Option(
        "--suv-norm",
        metavar="|".join(SUV_NORMS),
        help="SUV by body weight, lean mass (James; Janmahasatian), or body surface.",
        rich_help_panel=_PANEL,
    ),
]
SuvWeight = Annotated[
    str | None,
    typer.Option(
        "--suv-weight",
        metavar="KG",
        help="Weight of the patient, instead of the header's.",
        rich_help_panel=_PANEL,
    ),
]
SuvDose = Annotated[
    str | None,
    typer.Option(
        "--suv-dose",
        metavar="370MBq|10mCi|BQ",
        help="Injected activity, instead of the header's.",
        rich_help_panel=_PANEL,
    ),
]
SuvInjectedAt = Annotated[
    str | None,
    typer.Option(
        "--suv-injected-at",
        metavar="HH:MM[:SS]|DATETIME",
        help="Time of injection by the scanner's clock, instead of the header's; with a date if it was another day.",
        rich_help_panel=_PANEL,
    ),
]
SuvHalfLife = Annotated[
    str | None,
    typer.Option(
        "--suv-half-life",
        metavar="S|109.8min",
        help="Half-life of the radionuclide, instead of the header's.",
        rich_help_panel=_PANEL,
    ),
]
