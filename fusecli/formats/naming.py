"""What a file's name says of its content, where the content does not say it."""

import re
from pathlib import Path

from fusecli.catalog import Modality

_MODALITY_WORDS = {
    "ct": Modality.CT,
    **dict.fromkeys(("pet", "pt", "suv", "suvbw", "suvlbm", "suvbsa"), Modality.PET),
    **dict.fromkeys(("spect", "nm"), Modality.SPECT),
    **dict.fromkeys(["mr", "mri", "t1", "t1w", "t2", "t2w", "flair", "pd", "epi", "bold", "mra"], Modality.MRI),
}


def named_modality(path: Path) -> Modality | None:
    """The modality that a file's name says, and None if it says none or several.

    A word of the name must be one that the field uses: ct, pet, suv, spect, mri, t1w ... Of a BIDS name only the
    suffix counts, since `space-CT` speaks of the grid.
    """
    name = stem(path)
    suffix = name.rsplit("_", 1)[-1].lower()
    if name.startswith("sub-") and suffix in _MODALITY_WORDS:
        return _MODALITY_WORDS[suffix]
    named = {_MODALITY_WORDS[word] for word in words(name) if word in _MODALITY_WORDS}
    return named.pop() if len(named) == 1 else None


def stem(path: Path) -> str:
    """The name without its suffix, .nii.gz and the like taken off whole."""
    return re.sub(r"(\.(nii|hdr|img)(\.gz)?|\.(png|jpe?g|bmp|tiff?))$", "", path.name, flags=re.IGNORECASE)


def words(stem: str) -> set[str]:
    """The words of a name, in lower case: between signs, and at changes from small to capital letters."""
    pieces = re.split(r"[\W_]+", stem)
    humps = re.findall(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*", stem)
    return {word.lower() for word in (*pieces, *humps)}
