"""What the shipped network that registers answered when its weights were made, and what its card says of it."""

from pathlib import Path

import numpy as np
import pytest

from fusecli import models
from fusecli.models.weights import list_weights

NAME = "registration-head"
# (row, column) displacements in pixels at every 24th pixel of row 40. A thousandth of a pixel is far above what other
# processors add up differently.
GOLDEN = (
    (-0.0141, -0.1064),
    (0.3412, 0.6212),
    (-0.3869, 0.0285),
    (0.1583, -0.0319),
    (-0.7637, 1.6334),
    (0.0141, 0.0856),
)


def test_the_field_is_that_of_the_day_the_weights_were_made():
    field = models.load_registration()(*pictures())
    assert field[40, ::24] == pytest.approx(np.array(GOLDEN), abs=1e-3)


def test_a_card_has_the_scores_of_the_manifest():
    told = {task: list(scores.values()) for task, scores in list_weights()[NAME].card["scores"]["test"].items()}
    text = (Path(__file__).parents[2] / "docs" / "models" / f"{NAME}.md").read_text(encoding="utf-8")
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines()]
    shown = {row[0]: [float(cell) for cell in row[1:3]] for row in rows if row[0] in told}
    assert len(told) == 5
    assert shown == told


def pictures():
    """A head of two tissues, and another image of it: its negative, two pixels to the right."""
    rows, columns = np.mgrid[0:128, 0:128].astype(np.float32)

    def head(shift, sign):
        inside = np.hypot((rows - 64) / 1.2, columns - 64 - shift) < 40
        return np.where(inside, 0.5 + sign * 0.3 * np.sin(rows / 6) * np.cos((columns - shift) / 7), 0)

    return head(0, 1).astype(np.float32), head(2, -1).astype(np.float32)
