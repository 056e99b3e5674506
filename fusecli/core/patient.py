"""Whether two images are of one patient, told without knowing whose they are."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Patient:
    """sha256 of a patient ID, and of who issued it; `issuer` is None where a file does not say.

    They serve to compare two images and nothing else: IDs are short enough to be found by trying, so neither is ever
    printed nor written to a report.
    """

    number: str = field(repr=False)
    issuer: str | None = field(default=None, repr=False)

    def is_other_than(self, other: "Patient") -> bool:
        """Whether the IDs differ, or their issuers do.

        An issuer that one file lacks is no difference: scanners seldom state one, and archives put it in.
        """
        if self.number != other.number:
            return True
        return self.issuer is not None and other.issuer is not None and self.issuer != other.issuer
