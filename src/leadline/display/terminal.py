"""A finding on a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from leadline.display.blocks import Finding, Histogram, Table
from leadline.display.visible import visible

__all__ = ["terminal"]

_BLOCKS = " ▁▂▃▄▅▆▇█"


def terminal(finding: Finding) -> RenderableType:
    """Sentences first, then the tables they rest on. Text from data is shown, never read as markup."""
    parts: list[RenderableType] = [Text(visible(finding.title), style="bold")]
    parts += [Text(visible(finding.about), style="dim")] if finding.about else []
    parts += [Text(visible(f"note: {note}"), style="yellow") for note in finding.notes]
    parts.append(Text(""))
    for i, sentence in enumerate(finding.sentences):
        parts.append(Text(f"{'=>' if i == 0 else ' -'} {visible(sentence)}", style="bold" if i == 0 else ""))
        if i == 0 and finding.step is not None:
            parts.append(Text(f"   Do this next: {visible(finding.step.text)}"))
            parts += [
                Text(f"     {visible(line)}", style="bold") for line in finding.step.command.splitlines()
            ]
            parts += [_bars(picture) for picture in finding.pictures if isinstance(picture, Histogram)]
    for table in finding.tables:
        parts += [Text(""), _rich(table)]
    return Group(*parts)


def _bars(picture: Histogram) -> Text:
    """One line: a block a bar, as tall as the share of the problems."""
    most = max([*picture.counts, 1])
    blocks = "".join(_BLOCKS[round(number / most * (len(_BLOCKS) - 1))] for number in picture.counts)
    return Text(f"   {picture.title}: never {blocks} always")


def _rich(table: Table) -> RichTable:
    drawn = RichTable(
        title=escape(visible(table.title)), title_justify="left", caption=escape(visible(table.note)) or None
    )
    for i, column in enumerate(table.columns):
        drawn.add_column(escape(visible(column)), justify="left" if i == 0 else "right", overflow="fold")
    for row in table.rows:
        drawn.add_row(*(escape(visible(cell)) for cell in row))
    return drawn
