"""Where the tables and plots of a comparison go: checked before the long work, written after it."""

from collections.abc import Sequence
from pathlib import Path

from fusecli import formats
from fusecli.errors import UsageError
from fusecli.evaluation import plots as pictures
from fusecli.evaluation import tables as texts
from fusecli.evaluation.pairing import Case
from fusecli.evaluation.summary import Evaluation


def check_outputs(tables: Sequence[Path], plots: Path | None, *, overwrite: bool = False) -> None:
    """Whether all of it may be written.

    Raises UsageError for one name given twice, for an unknown suffix and where matplotlib is missing; OutputError where
    something stands already and `overwrite` is not set, and where the folder is missing or may not be written to.
    """
    targets = [*tables, *([] if plots is None else [plots])]
    for k, target in enumerate(targets):
        if target.absolute() in (other.absolute() for other in targets[:k]):
            raise UsageError(f"{target} is named twice.", hint="Give each table, and the plots, a name of its own.")
    for table in tables:
        texts.check_table(table, overwrite=overwrite)
    if plots is not None:
        pictures.check_plots(plots, overwrite=overwrite)


def check_no_input(tables: Sequence[Path], cases: Sequence[Case]) -> None:
    """Raises UsageError if a table would take the place of an image that is measured."""
    inputs = [path for case in cases for path in (case.fixed, case.moving, *case.fused.values())]
    for table in tables:
        if table.exists():
            formats.check_not_an_input(table, inputs)


def write(evaluation: Evaluation, tables: Sequence[Path], plots: Path | None, *, overwrite: bool = False) -> None:
    """Write every table by its suffix, and the plots; each whole or not at all. Raises as `check_outputs` does."""
    for table in tables:
        texts.write(evaluation, table, overwrite=overwrite)
    if plots is not None:
        pictures.write(evaluation, plots, overwrite=overwrite)
