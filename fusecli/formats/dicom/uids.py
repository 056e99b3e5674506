"""UIDs of derived series and instances: the same work gets the same UIDs, other work gets others."""

import json
import uuid
from collections.abc import Mapping, Sequence

from fusecli import __version__
from fusecli.core.history import Fact
from fusecli.core.image import Image


def series_uid(image: Image, sources: Sequence[Image], options: Mapping[str, Fact]) -> str:
    """A SeriesInstanceUID made of everything that decides the pixels and how they are filed.

    That is the bytes of the sources, what was done to each and to the result (windows, resampling, network, weights,
    colors), `options` that no history tells, such as the backend, and the version of this program.
    Source: DICOM PS3.5 B.2 (UIDs made of UUIDs), RFC 4122 section 4.3 (UUIDs made of names).
    """
    story = {
        "version": __version__,
        "sources": [source.source.digest if source.source else "" for source in sources],
        "steps": [[[step.name, dict(step.facts)] for step in told.history] for told in (*sources, image)],
        "options": dict(options),
    }
    return _uid(uuid.NAMESPACE_OID, "fusecli " + json.dumps(story, sort_keys=True))


def instance_uid(series: str, number: int) -> str:
    """The SOPInstanceUID of instance `number` of a series that `series_uid` named."""
    return _uid(uuid.UUID(int=int(series.removeprefix("2.25."))), str(number))


def _uid(space: uuid.UUID, name: str) -> str:
    return f"2.25.{uuid.uuid5(space, name).int}"
