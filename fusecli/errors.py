"""The errors that a user may meet, each with what is wrong, why, what to try, and its exit code.

FusecliError (1)
├── UsageError (2)          the command line asks for something impossible
├── InputError (3)          no input, or more than one candidate
├── ImageError (4)          a file is unreadable, or is not an image that we can use
│   └── ShapeError          an array has a size that the operation cannot take
├── PairError (5)           the two images do not make a pair
├── AlignmentError (6)      a registration or quality check failed
├── OutputError (7)         the result could not be written
├── BatchError (8)          a batch finished with failures
├── ModelError (9)          a model is missing, or its hash is wrong
├── MemoryLimitError (10)   out of memory
└── TimeLimitError (124)    a case of a batch took longer than allowed
"""


class FusecliError(Exception):
    """Base of every error that is the user's to fix.

    `what` is one sentence; `why` the fact behind it; `hint` what to type or check. `exit_code` is the process's status.
    `on_screen` takes the place of `why` on the console alone: it may hold free text of the files, which names people.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", hint: str = "", on_screen: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint
        self.on_screen = on_screen

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.why, self.hint) if part)


class UsageError(FusecliError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class InputError(FusecliError):
    """There is no input, or more than one thing that it could be."""

    exit_code = 3


class ImageError(FusecliError):
    """A file cannot be read, or does not hold an image that we can use."""

    exit_code = 4


class ShapeError(ImageError):
    """An array has a size or a number of axes that the operation cannot take."""


class PairError(FusecliError):
    """The two images cannot be fused: other sizes, other places, other patients."""

    exit_code = 5


class AlignmentError(FusecliError):
    """A registration is not believable, or a quality check failed."""

    exit_code = 6


class OutputError(FusecliError):
    """The result could not be written, or would have replaced a file."""

    exit_code = 7


class BatchError(FusecliError):
    """A batch or a comparison of models ran to its end, and some of its rows failed."""

    exit_code = 8


class ModelError(FusecliError):
    """A model is unknown, its weights are missing, or their hash is wrong."""

    exit_code = 9


class MemoryLimitError(FusecliError):
    """The work does not fit into memory, even in the smallest pieces."""

    exit_code = 10


class TimeLimitError(FusecliError):
    """A case of a batch took longer than it was allowed to; the number is that of timeout(1) of GNU coreutils."""

    exit_code = 124
