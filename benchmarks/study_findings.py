"""The findings of several studies on one page: verdict by claim and axis, what each rests on, power, figures.

    leadline study depth --out docs/studies/depth        # and the other axes
    python benchmarks/study_findings.py docs/studies

Reads ``*/results.json`` below the folder and writes ``README.md`` into it. No figure of that page is typed by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leadline.storage.jsonl import read_json, write_text_atomic
from leadline.studies.output.page import interval_text, power_lines

ORDER = ("depth", "length", "tokens", "composition")
FIGURES = (
    ("accuracy", "Accuracy by cell"),
    ("algorithms", "Algorithms and controls"),
    ("dose", "Dose and response"),
)


def studies(root: Path) -> list[dict[str, Any]]:
    """What the studies below ``root`` found, in the order of the axes."""
    found = {path.parent.name: read_json(path) for path in root.glob("*/results.json")}
    return [found[name] for name in sorted(found, key=lambda name: (name not in ORDER, _place(name), name))]


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else 0


def page(found: list[dict[str, Any]]) -> Iterator[str]:
    """The lines of the page."""
    yield "# Findings of the controlled studies"
    yield ""
    yield "Written by `python benchmarks/study_findings.py docs/studies` from the `results.json` of each study. What"
    yield "the words mean, and what we make of it, is in [studies.md](../studies.md)."
    yield ""
    yield from verdicts(found)
    yield f"![Gain against base success on all axes]({found[-1]['axis']}/figures/collapse.svg)"
    yield ""
    for result in found:
        yield from axis(result)


def verdicts(found: list[dict[str, Any]]) -> Iterator[str]:
    """Claim by axis."""
    yield "| claim | " + " | ".join(f"[{result['axis']}](#{result['axis']})" for result in found) + " |"
    yield "|---|" + "---|" * len(found)
    for letter, claim in {c["letter"]: c for result in found for c in result["claims"]}.items():
        cells = [next(c for c in result["claims"] if c["letter"] == letter) for result in found]
        yield f"| ({letter}) {claim['statement']} | " + " | ".join(map(_verdict, cells)) + " |"
    yield ""


def _verdict(claim: dict[str, Any]) -> str:
    interval = claim["interval"]
    if claim["verdict"] == "not tested" or interval is None:
        return "–" if claim["verdict"] == "not tested" else str(claim["verdict"])
    limits = "" if interval[1] is None else f" [{100 * interval[1]:+.1f}, {100 * interval[2]:+.1f}]"
    return f"**{claim['verdict']}** {100 * interval[0]:+.1f}{limits}"


def axis(result: dict[str, Any]) -> Iterator[str]:
    """One study: what decided each verdict, what it could not have seen, figures, and the command."""
    plan = result["plan"]
    yield f"## {result['axis']}"
    yield ""
    yield f"{result['question']} {len(plan['seeds'])} seeds, {plan['bases']} base models, {plan['arms']} arms."
    yield ""
    for claim in result["claims"]:
        if claim["verdict"] != "not tested":
            yield f"- ({claim['letter']}) *{claim['statement']}*: **{claim['verdict']}**. {claim['evidence']}"
    yield ""
    yield from (f"- {line}" for line in power_lines(result))
    yield ""
    yield "| algorithm | steps | T1: slope of logit p' | T2: excess KL | T3: gained without support | T3: p |"
    yield "|---|---|---|---|---|---|"
    for law in result["laws"]:
        told = law["T3"]
        gained = f"{told['gained']} of {told['problems']} (null {told['expected']:.2g})"
        cells = (
            law["algorithm"],
            law["step"],
            interval_text(law["T1_slope"], 2),
            f"{law['T2_excess_share']:.2f}",
            gained,
        )
        yield "| " + " | ".join(map(str, cells)) + f" | {told['p_value']:.2g} |"
    yield ""
    for name, title in FIGURES:
        yield f"![{title}: {result['axis']}]({result['axis']}/figures/{name}.svg)"
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    yield f"`{result['command']}` · {versions} · [page]({result['axis']}/report.html)"
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
