"""Which metrics are meant by a word or a list of keys."""

from fusecli.catalog import PAPER_METRICS, QUICK_METRICS
from fusecli.errors import UsageError
from fusecli.metrics.profiles import profile_named

GROUPS = {"quick": QUICK_METRICS, "paper": PAPER_METRICS}


def keys_named(words: str, profile: str) -> tuple[str, ...]:
    """The keys that `words` names: "all", "quick", "paper", or keys with commas between, in small letters or capitals.

    Of a group those count that the profile has.

    Raises UsageError for a profile or a key that there is not.
    """
    known = profile_named(profile).formulas
    if words.lower() == "all":
        return tuple(known)
    if words.lower() in GROUPS:
        asked = kept = tuple(key for key in GROUPS[words.lower()] if key in known)
    else:
        asked = tuple(dict.fromkeys(word.strip().upper() for word in words.split(",")))
        kept = tuple(key for key in asked if key in known)
    if kept and kept == asked:
        return kept
    missing = ", ".join(repr(key) for key in asked if key not in known) or repr(words)
    raise UsageError(f"The profile {profile} has no metric {missing}.", hint=f"It has: {', '.join(known)}")
