"""By whose formulas the metrics are computed: ours, and those of the toolkits that published tables come from."""

from fusecli.errors import UsageError
from fusecli.metrics.profiles import cddfuse, fusecli, linfeng, liu, vifb
from fusecli.metrics.profiles.profile import Profile

__all__ = ["PROFILES", "Profile", "profile_named"]

PROFILES: dict[str, Profile] = {
    profile.name: profile for profile in (fusecli.PROFILE, cddfuse.PROFILE, linfeng.PROFILE, vifb.PROFILE, liu.PROFILE)
}


def profile_named(name: str) -> Profile:
    """The profile of that name.

    Raises UsageError, which lists the names, for any other.
    """
    if name not in PROFILES:
        raise UsageError(f"There is no metric profile {name!r}.", hint=f"Choose one of: {', '.join(PROFILES)}")
    return PROFILES[name]
