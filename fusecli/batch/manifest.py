"""Cases listed in a table: CSV, TSV or JSON lines, in a file or from stdin."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fusecli.batch.naming import check_id, study_id
from fusecli.batch.rows import Found, Row, check_columns
from fusecli.errors import InputError, UsageError
from fusecli.formats.naming import stem

_EXAMPLE = "The first line names the columns: id,fixed,moving"


def read_manifest(path: Path, options: Iterable[str]) -> Found:
    """The rows of a manifest. Relative paths begin at its folder, those from a pipe, as `<(...)` makes one, here.

    `options` are the columns that a row may have more.

    Raises InputError when it cannot be read or lists nothing; UsageError as `parse_manifest` does.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read.", why=f"{error.strerror or error}.") from error
    return parse_manifest(content, options, folder=path.parent if path.is_file() else Path(), name=path.name)


def parse_manifest(content: bytes, options: Iterable[str], *, folder: Path, name: str) -> Found:
    """The rows in the UTF-8 text of a manifest, whose form is told by its first line. Relative paths begin at `folder`.

    An empty cell is an option that was not given. A row without an id is called after its FIXED file; one without
    MOVING is a study that holds both images.

    Raises UsageError for an unknown column, a row without FIXED, and an id that no file can have; InputError when there
    is no row, or no text.
    """
    options = tuple(options)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not text in UTF-8.", hint="A manifest is CSV, TSV or JSON lines; save it as UTF-8."
        ) from error
    if not text.strip():
        raise InputError(f"{name} is empty.", hint=_EXAMPLE)
    if text.lstrip().startswith("["):
        raise UsageError(
            f"{name} is one JSON array.", why="A manifest has a line for each case.", hint=f"jq -c '.[]' {name}"
        )
    records = _json_lines(text, name) if text.lstrip().startswith("{") else _table(text, options, name)
    rows = tuple(_row(where, cells, options, folder) for where, cells in records)
    if not rows:
        raise InputError(f"{name} lists no case.", hint=_EXAMPLE)
    return Found(rows)


def _json_lines(text: str, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{name}, line {number}"
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError as error:
            raise UsageError(f"{where} is not JSON.", why=f"{error}.") from error
        if not isinstance(document, dict):
            raise UsageError(
                f"{where} is not a JSON object.", hint='For example: {"fixed": "a.png", "moving": "b.png"}'
            )
        yield where, {_column(key): _word(value, where) for key, value in document.items()}


def _column(title: str) -> str:
    """A title as COLUMNS have it: `Fixed-Modality` is fixed_modality."""
    return title.strip().lower().replace("-", "_")


def _word(value: Any, where: str) -> str:
    """A value of JSON as it would be typed."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(f"{where} has a value that is neither a text nor a number: {json.dumps(value)[:60]}")


def _table(text: str, options: tuple[str, ...], name: str) -> Iterator[tuple[str, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text.split("\n", 1)[0]), strict=True)
    try:
        titles = [_column(title) for title in next(reader, [])]
        _check_titles(titles, options, name)
        for cells in reader:
            where = f"{name}, line {reader.line_num}"
            if not any(cells):
                continue
            if len(cells) != len(titles):
                raise UsageError(f"{where} has {len(cells)} cells, and there are {len(titles)} columns.")
            yield where, dict(zip(titles, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num} is not CSV.", why=f"{error}.") from error


def _delimiter(first: str) -> str:
    """What stands between the titles. Spreadsheets write semicolons where the comma is the decimal sign."""
    return next((sign for sign in ("\t", ",", ";") if sign in first), ",")


def _check_titles(titles: list[str], options: tuple[str, ...], name: str) -> None:
    if "fixed" not in titles:
        raise UsageError(f"{name} has no column 'fixed'.", why=f"Its first line: {titles}.", hint=_EXAMPLE)
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:
        raise UsageError(f"{name} has the column {twice!r} twice.")
    check_columns(titles, options, where=name)


def _row(where: str, cells: Mapping[str, str], options: tuple[str, ...], folder: Path) -> Row:
    check_columns(cells, options, where=where)
    given = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    if "fixed" not in given:
        raise UsageError(f"{where} does not say what FIXED is.", hint="Fill the column 'fixed'.")
    fixed = folder / given.pop("fixed")
    moving = folder / given.pop("moving") if "moving" in given else None
    return Row(check_id(given.pop("id", study_id(stem(fixed))), where=where), fixed, moving, where, given)
