"""The findings of studies beyond the base model on one page: a sentence an algorithm, what it was given, differences.

    leadline study depth --beyond --out docs/studies/beyond/depth        # and the other axes
    python benchmarks/beyond_findings.py docs/studies/beyond

Reads ``*/results.json`` below the folder and writes ``README.md`` into it. No figure of that page is typed by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.storage.jsonl import read_json, write_text_atomic
from leadline.studies.output.beyond_page import answer_sentence, resolution_lines
from leadline.studies.output.page import interval_text

ORDER = ("depth", "composition", "length", "tokens")
GIVEN = ("completions", "parts", "prefixed", "updates", "references")


def studies(root: Path) -> list[dict[str, Any]]:
    """What the studies below ``root`` found, in the order of the axes."""
    found = {path.parent.name: read_json(path) for path in root.glob("*/results.json")}
    return [found[name] for name in sorted(found, key=lambda name: (_place(name), name))]


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def page(found: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the page."""
    yield "# Beyond the base model: findings"
    yield ""
    yield "Written by `python benchmarks/beyond_findings.py docs/studies/beyond` from the `results.json` of each study."
    yield "What the words mean, and what we make of it, is in [studies.md](../../studies.md)."
    yield ""
    yield from answers(found)
    for result in found:
        yield from axis(result)


def answers(found: list[dict[str, Any]]) -> Iterator[str]:
    """The question put to each algorithm, and its verdict at every cell."""
    asked = {entry["name"]: entry["question"] for result in found for entry in result["algorithms"]}
    cells = [(result, cell) for result in found for cell in reversed(result["plan"]["cells"])]
    yield "| algorithm | question | " + " | ".join(cell for _, cell in cells) + " |"
    yield "|---|---|" + "---|" * len(cells)
    for name, question in asked.items():
        verdicts = (_verdict(result, cell, name) for result, cell in cells)
        yield f"| `{name}` | {question} | " + " | ".join(verdicts) + " |"
    yield ""


def _verdict(result: dict[str, Any], cell: str, name: str) -> str:
    said = [
        f"**{one['verdict']}**"
        for one in result["judgements"]
        if one["cell"] == cell and one["algorithm"] == name
    ]
    return ", ".join(said) or "–"


def axis(result: dict[str, Any]) -> Iterator[str]:
    """One study: what each algorithm did and was given, what could not have been seen, figures, the command."""
    yield f"## {result['axis']}"
    yield ""
    yield f"{result['question']} {len(result['plan']['seeds'])} seeds."
    for number, cell in enumerate(result["plan"]["cells"], 1):
        here = [one for one in result["judgements"] if one["cell"] == cell]
        yield ""
        yield f"### {cell}"
        yield ""
        for one in here:
            yield f"- `{one['algorithm']}`, {one['step']} steps: **{one['verdict']}**. {answer_sentence(one)}"
        yield ""
        yield "| given | " + " | ".join(GIVEN) + " |"
        yield "|---|" + "---|" * len(GIVEN)
        for one in here:
            yield (
                f"| `{one['algorithm']}` | "
                + " | ".join(f"{one['spent'][kind]:,.0f}" for kind in GIVEN)
                + " |"
            )
        yield ""
        yield from against_all(here)
        for name, title in (
            ("lifted", "Problems lifted"),
            ("against-control", "Against GRPO at no less cost"),
        ):
            yield f"![{title}: {cell}]({result['axis']}/figures/{name}-{number}.svg)"
    yield ""
    yield from (f"- {line}" for line in resolution_lines(result))
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    yield f"`{result['command']}` · {versions} · [page]({result['axis']}/report.html)"
    yield ""


def against_all(here: list[dict[str, Any]]) -> Iterator[str]:
    """X of ``compose`` less X of every other algorithm: is it the composing, the grader, the reference answers?"""
    compose = next((one for one in here if one["algorithm"] == "compose"), None)
    if compose is None:
        return
    yield "| `compose` against | trained | held-out |"
    yield "|---|---|---|"
    for name, sides in compose["against"].items():
        if name != "compose":
            cells = (interval_text(sides[side], 1, "+") for side in ("trained", "held_out"))
            yield f"| `{name}` | " + " | ".join(cells) + " |"
    yield ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    options = parser.parse_args()
    text = "\n".join(page(studies(options.root)))
    write_text_atomic(options.root / "README.md", text.rstrip() + "\n")
    print(text)


if __name__ == "__main__":
    main()
