"""Many methods compared on many pairs: scores, ranks, tests, tables and plots. docs/evaluate.md explains them."""

from fusecli.evaluation.json_document import document
from fusecli.evaluation.outputs import check_no_input, check_outputs, write
from fusecli.evaluation.pairing import Case, Pairing, match
from fusecli.evaluation.scoring import CaseScores, score_cases
from fusecli.evaluation.summary import Evaluation, summarize

__all__ = [
    "Case",
    "CaseScores",
    "Evaluation",
    "Pairing",
    "check_no_input",
    "check_outputs",
    "document",
    "match",
    "score_cases",
    "summarize",
    "write",
]
