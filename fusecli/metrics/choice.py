"""Which metrics are meant by words and keys with commas between."""

from dataclasses import dataclass

from fusecli.catalog import PAPER_METRICS, QUICK_METRICS
from fusecli.errors import UsageError
from fusecli.metrics.profiles import profile_named
from fusecli.metrics.scoring import chosen_keys

GROUPS = {"quick": QUICK_METRICS, "paper": PAPER_METRICS}


@dataclass(frozen=True, slots=True)
class Choice:
    """The keys to measure, each once, and in one line, if at all, what a group has and the profile has not."""

    keys: tuple[str, ...]
    notes: tuple[str, ...] = ()


def keys_named(words: str, profile: str) -> Choice:
    """The keys that `words` names: "all", "quick", "paper" and keys, with commas between, in small letters or capitals.

    Of a group those count that the profile has.

    Raises UsageError for a profile or a key that there is not, and for a group of which the profile has none.
    """
    own = profile_named(profile)
    keys: list[str] = []
    lacking: list[str] = []
    for word in (part.strip() for part in words.split(",")):
        group = chosen_keys(own, None) if word.lower() == "all" else GROUPS.get(word.lower())
        if group is None:
            keys += chosen_keys(own, [word.upper()])
            continue
        found = [key for key in group if key in own.formulas]
        if not found:
            raise UsageError(
                f"The profile {profile} has none of the metrics of {word!r}.",
                hint=f"It has: {', '.join(own.formulas)}",
            )
        keys += found
        lacking += [key for key in group if key not in own.formulas]
    notes = (f"The profile {profile} does not have {', '.join(dict.fromkeys(lacking))}.",) if lacking else ()
    return Choice(tuple(dict.fromkeys(keys)), notes)
