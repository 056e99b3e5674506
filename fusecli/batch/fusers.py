"""The models of one worker: each is loaded once, however many cases it fuses."""

from typing import TYPE_CHECKING

from fusecli.settings import FuseSettings

if TYPE_CHECKING:
    from fusecli.fusion import Fuser

_Choice = tuple[str, str, str, float]


class Fusers:
    """Loads a model when it is first asked for, and keeps it."""

    def __init__(self) -> None:
        self._loaded: dict[_Choice, tuple[Fuser, int]] = {}

    def get(self, settings: FuseSettings) -> "Fuser":
        """The model that the settings name, as `models.load` gives it.

        One that had to give way, to smaller tiles or to the CPU, is loaded anew: what a case gets must not depend on
        the cases before it.

        Raises what `models.load` does.
        """
        from fusecli import models

        choice = (settings.model, settings.device, settings.backend, settings.alpha)
        fuser, notes = self._loaded.get(choice, (None, 0))
        if fuser is None or len(fuser.notes) != notes:
            fuser = models.load(settings.model, device=settings.device, backend=settings.backend, alpha=settings.alpha)
            self._loaded[choice] = (fuser, len(fuser.notes))
        return fuser
