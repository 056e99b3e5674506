"""How a page becomes one file: templates, styles and scripts put together, with nothing to be fetched."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fusecli import __version__
from fusecli.catalog import RESEARCH_USE

_FOLDER = "templates"


def render(template: str, *, scripts: Sequence[str], **content: Any) -> str:
    """The page that `template` makes of `content`, with the style and the named scripts inside.

    Everything in `content` is escaped. The page's own policy allows exactly this style and this script, by their
    hashes, so that nothing that comes from a file can run even if it got into the page, and no request can leave it.
    """
    style = _source("style.css")
    script = '"use strict";\n' + "\n".join(_source(name) for name in scripts)
    return _environment().get_template(template).render(
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}",
        version=__version__,
        notice=RESEARCH_USE,
        **content,
    )  # fmt: skip


@cache
def _environment() -> Environment:
    loader = PackageLoader("fusecli.report", _FOLDER)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@cache
def _source(name: str) -> str:
    return files("fusecli.report").joinpath(_FOLDER, name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
