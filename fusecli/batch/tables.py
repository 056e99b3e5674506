"""All cases of a folder as two tables: results.csv for people and spreadsheets, results.jsonl for programs."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from fusecli.atomic import replacing
from fusecli.batch import records
from fusecli.catalog import QUICK_METRICS

CSV, JSON_LINES = TABLES = ("results.csv", "results.jsonl")

_FACTS = (
    "id", "status", "exit_code", "reason", "hint", "output", "report", "model", "seconds", "device", "backend",
    "version", "weights_sha256", "output_sha256", "key",
)  # fmt: skip
COLUMNS = (*_FACTS, *QUICK_METRICS, "warnings")

Row = Mapping[str, Any]


def write_tables(folder: Path, failures: Mapping[str, Row]) -> None:
    """Both tables, made anew from the records and in their order, a row at a time.

    `failures` has rows by the name of the output: of cases that failed in this run, whatever their record says.

    Raises OutputError when they cannot be written.
    """
    with (
        replacing(folder / CSV, overwrite=True) as csv_file,
        replacing(folder / JSON_LINES, overwrite=True) as lines,
        csv_file.open("w", encoding="utf-8", newline="") as table,
        lines.open("w", encoding="utf-8") as documents,
    ):
        _write_rows(_rows(folder, failures), table, documents)


def _write_rows(rows: Iterator[Row], table: TextIO, documents: TextIO) -> None:
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({**row, **row["metrics"], "warnings": " | ".join(row["warnings"])})
        documents.write(json.dumps(row, allow_nan=False, ensure_ascii=False) + "\n")


def _rows(folder: Path, failures: Mapping[str, Row]) -> Iterator[Row]:
    recorded = set[str]()
    for name, row in records.rows(folder):
        recorded.add(name)
        yield failures.get(name, row)
    # Where a disk is full, a failure may have no record.
    yield from (row for name, row in failures.items() if name not in recorded)
