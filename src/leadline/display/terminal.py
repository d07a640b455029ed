"""A finding on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from leadline.display.blocks import Finding, Table
from leadline.display.visible import visible

__all__ = ["terminal"]


def terminal(finding: Finding) -> RenderableType:
    """Sentences first, then the tables they rest on. Text from data is shown, never read as markup."""
    parts: list[RenderableType] = [Text(visible(finding.title), style="bold"), Text("")]
    for i, sentence in enumerate(finding.sentences):
        parts.append(Text(f"{'=>' if i == 0 else ' -'} {visible(sentence)}", style="bold" if i == 0 else ""))
    for table in finding.tables:
        parts += [Text(""), _rich(table)]
    return Group(*parts)


def _rich(table: Table) -> RichTable:
    drawn = RichTable(
        title=escape(visible(table.title)), title_justify="left", caption=escape(visible(table.note)) or None
    )
    for i, column in enumerate(table.columns):
        drawn.add_column(escape(visible(column)), justify="left" if i == 0 else "right")
    for row in table.rows:
        drawn.add_row(*(escape(visible(cell)) for cell in row))
    return drawn
