"""How much of both originals a fused image keeps. docs/metrics.md has the definitions."""

from fusecli.metrics.foreground import foreground
from fusecli.metrics.score import Score
from fusecli.metrics.scoring import (
    Scores,
    mean_scores,
    score,
    score_slices,
    score_volume,
    score_whole_volume,
    scored_slices,
)

__all__ = [
    "Score",
    "Scores",
    "foreground",
    "mean_scores",
    "score",
    "score_slices",
    "score_volume",
    "score_whole_volume",
    "scored_slices",
]
