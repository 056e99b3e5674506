"""What a case is called, and its result: names that every file system takes, and that no two cases share."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from string import Formatter

from fusecli.errors import UsageError

# Neither a separator, nor what Windows forbids, nor anything that cannot be seen.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
LONGEST_NAME = 200  # bytes; 255 is what file systems take, and a record adds a suffix

FIELDS = ("id", "model")
OUTPUT_FORMATS = ("auto", "png", "jpg", "tif", "nii", "nii.gz", "dicom")
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


def check_id(text: str, *, where: str) -> str:
    """The id, if it can be a part of a file name on any system.

    Raises UsageError with `where` it stands otherwise.
    """
    why = _problem(text)
    if why is None:
        return text
    raise UsageError(
        f"{where}: {text!r} cannot be an id.", why=why, hint="Letters, digits, '.', '_' and '-' always can."
    )


def study_id(name: str) -> str:
    """What a study of this name is called: a ZIP without its suffix."""
    return name[: -len(".zip")] if name.lower().endswith(".zip") else name


def check_template(template: str) -> str:
    """The template of output names, such as `{id}_{model}`, if it can be filled and tells cases apart.

    Raises UsageError otherwise.
    """
    try:
        fields = [name for _, name, spec, conversion in Formatter().parse(template) if name is not None]
        filled = template.format(**dict.fromkeys(FIELDS, "x"))
    except (ValueError, KeyError, IndexError, AttributeError):
        raise UsageError(
            f"--name {template} cannot be filled in.",
            hint="It may hold {id} and {model}: --name '{id}_{model}'",
        ) from None
    if "id" not in fields:
        raise UsageError(f"--name {template} gives every case one name.", hint="Put {id} into it.")
    if (why := _problem(filled)) is not None:
        raise UsageError(f"--name {template} makes no file name.", why=why)
    return template


def output_name(template: str, *, id: str, model: str, suffix: str) -> str:  # noqa: A002
    """The name of a result."""
    return template.format(id=id, model=model) + suffix


def suffix_for(format_: str, fixed: Path, *, is_one_slice: bool, layout: str | None) -> str:
    """The suffix of a result in one of OUTPUT_FORMATS; `layout` is that of DICOM, and None where none is written.

    auto is .png for pictures and for one slice, and .nii.gz for everything else.
    """
    if layout is not None:
        return ".dcm" if layout == "multiframe" else ""
    if format_ != "auto":
        return f".{format_}"
    return ".png" if is_one_slice or fixed.suffix.lower() in _PICTURES else ".nii.gz"


def check_distinct(names: Iterable[str], *, what: str, hint: str) -> None:
    """Raises UsageError when two names are one on a system that tells neither case nor ways to write an accent."""
    seen: dict[str, str] = {}
    for name in names:
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            twins = name if seen[folded] == name else f"{seen[folded]} and {name}"
            raise UsageError(f"Two cases have one {what}: {twins}.", hint=hint)
        seen[folded] = name


def _problem(text: str) -> str | None:
    """Why a text cannot be a file name."""
    if not text.strip():
        return "It is empty."
    if found := _FORBIDDEN.search(text):
        return f"It holds {found.group()!r}."
    if text[0] in ".-=+@" or text[0].isspace() or text[-1] == "." or text[-1].isspace():
        # The second three begin a formula in a spreadsheet.
        return "It begins with one of . - = + @ or a space, or ends with a dot or a space."
    if _DEVICES.fullmatch(text):
        return "It is the name of a device on Windows."
    if len(text.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        return f"It is longer than {LONGEST_NAME} bytes."
    return None if text.isprintable() else "It holds a character that cannot be seen."
