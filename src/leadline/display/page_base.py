"""What every page of ours stands on: one head, which lets nothing be loaded, one plain look, one minus sign."""

from __future__ import annotations

import re
from importlib import resources

import jinja2
from markupsafe import Markup, escape

__all__ = ["code", "minus", "page_environment"]

_CODE = re.compile(r"`([^`]+)`")
_MINUS = re.compile(r"(?<![\w.)\-])-(?=\d)")


def minus(text: str) -> str:
    """The hyphens of text that stand for a minus, as the sign; terminals and JSON keep the hyphen.

    >>> minus("-5.0 points [-10.0, +0.3], 10-20% on gpt-4")
    '−5.0 points [−10.0, +0.3], 10-20% on gpt-4'
    """
    return _MINUS.sub("−", text)


def code(text: str) -> Markup:
    """What terminals show between backticks, as code; everything is escaped.

    >>> code("`leadline probe` says <which>")
    Markup('<code>leadline probe</code> says &lt;which&gt;')
    """
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def page_environment(package: str, folder: str = "") -> jinja2.Environment:
    """The templates in a folder of ``package``, which may extend ``base.html`` or ``plain.html``; text is escaped."""
    places = [resources.files(package) / folder, resources.files("leadline.display") / "pages"]

    def source(name: str) -> str | None:
        return next((file.read_text("utf-8") for place in places if (file := place / name).is_file()), None)

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"minus": minus, "code": code}
    return environment
