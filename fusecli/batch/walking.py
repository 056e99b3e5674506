"""Every folder below one, links to folders too, as whoever reads the images goes there as well."""

import os
from collections.abc import Iterator
from pathlib import Path

from fusecli.errors import InputError


def walk(folder: Path, closed: set[Path] | None = None) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with the names of the folders and of the files in it, as os.walk has them: the first list may be cut.

    A link that leads back to a folder on the way to it is left out. A folder below that cannot be read is added to
    `closed`, if that is given.

    Raises InputError where `folder` cannot be read, and OSError where one in it cannot and there is no `closed`.
    """

    def note(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise InputError(f"{folder} cannot be read.", why=f"{error.strerror or error}.") from error
        if closed is None:
            raise error
        closed.add(Path(error.filename))

    for place, folders, files in os.walk(folder, followlinks=True, onerror=note):
        folders[:] = [name for name in folders if not _leads_back(Path(place), name, folder)]
        yield Path(place), folders, files


def _leads_back(place: Path, name: str, start: Path) -> bool:
    link = place / name
    if not link.is_symlink():
        return False
    way = [place, *(parent for parent in place.parents if parent.is_relative_to(start))]
    target = os.path.realpath(link)
    return any(os.path.realpath(passed) == target for passed in way)
