"""What a registration comes to: the alignment, and what speaks for it."""

from dataclasses import dataclass
from typing import Any

from fusecli.core.history import Fact, Step
from fusecli.register.alignment import Alignment
from fusecli.register.quality import Motion, Quality


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """An alignment and what speaks for it.

    `before` is the quality of what the files state, `after` that of the alignment, `motion` its size.
    `inconsistency_mm` is how far a second search, from MOVING to FIXED, ends from where it began; None where none was
    needed. `rival` is how well the best of the other places that the search has seen agrees, beside the alignment; None
    where nothing was searched. `mirrored` is how well MOVING's mirror image agrees, beside the alignment; None unless a
    picture was turned far. `distinctness` is how much better the alignment is than others near it. `size_mm` is how
    large FIXED's foreground is, by which motions are judged. `reasons` say why the alignment is not believable; `notes`
    what else a user should know.
    """

    alignment: Alignment
    before: Quality
    after: Quality
    motion: Motion
    distinctness: float
    size_mm: float
    inconsistency_mm: float | None = None
    rival: float | None = None
    mirrored: float | None = None
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def believable(self) -> bool:
        """Whether it may be used: what the files state always may, and `notes` have what speaks against it."""
        return not self.reasons

    @property
    def verdict(self) -> str:
        """`believable` in words; "not confirmed" for what the files state where the images do not bear it out."""
        if not self.believable:
            return "not believable"
        return "not confirmed" if self.alignment.is_header and self.notes else "believable"

    @property
    def step(self) -> Step:
        """For MOVING's history."""
        facts: dict[str, Fact] = {
            "method": self.alignment.method,
            "believable": self.believable,
            "moved_by_mm": round(self.motion.mean_mm, 3),
            "turned_by_deg": round(self.motion.angle_deg, 3),
            "information_before": round(self.before.normalized_mutual_information, 4),
            "information_after": round(self.after.normalized_mutual_information, 4),
            **self.alignment.facts,
        }
        doubts = (f"The alignment is not certain: {'; '.join(self.reasons)}.",) if self.reasons else ()
        return Step("register", facts, (*doubts, *self.notes))

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of `fusecli register --json`; scripts rely on its keys."""
        matrix = self.alignment.matrix
        return {
            "method": self.alignment.method,
            "believable": self.believable,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "motion": self.motion.as_dict(),
            "distinctness": round(self.distinctness, 4),
            "size_mm": round(self.size_mm, 2),
            "inconsistency_mm": None if self.inconsistency_mm is None else round(self.inconsistency_mm, 3),
            "rival": None if self.rival is None else round(self.rival, 4),
            "mirrored": None if self.mirrored is None else round(self.mirrored, 4),
            "matrix_lps": None if matrix is None else matrix.tolist(),
            "facts": dict(self.alignment.facts),
        }
