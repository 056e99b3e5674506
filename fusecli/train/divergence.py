"""When numbers break down."""

from fusecli.errors import UsageError


def diverged(why: str) -> UsageError:
    """The error for a run whose weights have grown past all bounds: a fault of the options, not of the images."""
    return UsageError(
        "Training diverged and was stopped.",
        why=why,
        hint="Give a smaller --learning-rate. Weights and checkpoint of earlier epochs, if any, stand as they were.",
    )
