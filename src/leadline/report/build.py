"""Assemble the page: gather, tell, draw, choose, render, and keep it under its size."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from leadline.display.numbers import duration
from leadline.display.page_base import page_environment
from leadline.errors import LeadlineError
from leadline.report import completions, figures, palette, story, tables
from leadline.report.gather import Arm, Run, gather
from leadline.report.json_values import plain_text
from leadline.report.panels import Panel
from leadline.report.sections import Section, section
from leadline.report.told_alarms import told_alarms
from leadline.storage.outputs import check_output, is_our_page, write_text_atomic
from leadline.types import finite_number

__all__ = ["MAX_PAGE_BYTES", "build_report"]

MAX_PAGE_BYTES = 6_000_000
"""The page is smaller than this, plotly.js (4.8 MB) included."""

COMPLETION_BYTES = 1_000_000
"""Most that the completions may take of it."""

MAX_RECIPE = 20_000


def build_report(runs: Sequence[Path], out: Path, *, refresh: int | None = None) -> Path:
    """Write one self-contained HTML file about one or several runs and return its path.

    The file loads nothing from anywhere and says so to the browser (Content-Security-Policy: only the scripts that
    are in it may run, by their hashes). Everything that a model or a data set wrote is text in it, never markup.

    Args:
        runs: run directories, finished or under way.
        out: the file to write; replaced in one step if it exists.
        refresh: seconds after which an open page looks for a newer one; 0 for the last of such pages, which only
            takes over what the reader had set; None for a page that stays as it is.

    Raises:
        InputError: a directory that is no run (all are named), or files in it with faults.
        StorageError: the disk refused.
    """
    check_output(out, ours=is_our_page)
    gathered = gather(runs)
    shelf = completions.pick(gathered)
    sections = _sections(gathered)
    panels = _panels(gathered, shelf.solve_rates) | {"sections": [p for s in sections for p in s.panels]}
    context = _context(gathered, panels, sections) | {"refresh": refresh}
    bare = _render(context, panels, gathered, completions.embed(shelf, 0))
    budget = min(COMPLETION_BYTES, MAX_PAGE_BYTES - len(bare.encode()) - 2_000)
    if budget < 0:
        raise LeadlineError(
            f"{out}: the report would exceed {MAX_PAGE_BYTES} bytes even without completions; give it fewer runs"
        )
    page = _render(context, panels, gathered, completions.embed(shelf, budget))
    write_text_atomic(out, page)
    return out


def _panels(runs: Sequence[Run], solve_rates: Mapping[str, Sequence[float]]) -> dict[str, list[Panel]]:
    tradeoff = figures.accuracy_against_length(runs)
    rates = figures.solve_rates(solve_rates, runs)
    weights = figures.weights(runs)
    return {
        "results": [tradeoff] if tradeoff else [],
        "training": figures.curves(runs),
        "more": figures.more_curves(runs),
        "difficulty": figures.difficulty(runs),
        "weights": weights + ([rates] if rates else []),
    }


def _context(
    runs: Sequence[Run], panels: Mapping[str, Sequence[Panel]], sections: Sequence[Section]
) -> dict[str, Any]:
    """Everything that the template shows as text."""
    return {
        "title": _title(runs),
        "runs": [{"label": run.label, "facts": _facts(run), "story": story.tell(run)} for run in runs],
        "across": story.across_seeds(runs),
        "several": len(runs) > 1,
        "findings": [(run.label, found) for run in runs if (found := told_alarms(run))],
        "names": _names(runs),
        "results": tables.results_table(runs),
        "differences": tables.differences_table(runs),
        "panels": panels,
        "sections": sections,
        "recipes": [(run.label, plain_text(run.recipe, MAX_RECIPE)) for run in runs if run.recipe],
        "environments": [(run.label, _flat(run.reader.environment)) for run in runs],
        "light": palette.LIGHT,
        "dark": palette.DARK,
        "light_paper": palette.LIGHT_PAPER,
        "dark_paper": palette.DARK_PAPER,
    }


def _render(
    context: Mapping[str, Any],
    panels: Mapping[str, Sequence[Panel]],
    runs: Sequence[Run],
    shown: Mapping[str, Any],
) -> str:
    assets = resources.files("leadline.report") / "assets"
    names = ["plots.js", "browser.js"] + ["fresh.js"] * (context["refresh"] is not None)
    scripts = [get_plotlyjs()] + [(assets / name).read_text("utf-8") for name in names]
    environment = page_environment("leadline.report", "assets")
    environment.tests["arm"] = lambda part: isinstance(part, Arm)
    drawn = {"arms": _arm_data(runs), "panels": [p.as_json() for group in panels.values() for p in group]}
    return environment.get_template("page.html.j2").render(
        context,
        style=(assets / "style.css").read_text("utf-8"),
        scripts=scripts,
        hashes=[_csp_hash(script) for script in scripts],
        figures_json=completions.script_json(drawn),
        completions_json=completions.script_json(shown),
        shown=len(shown["rows"]),
        drawn=shown["drawn"],
        behaviours=shown["behaviours"],
    )


def _arm_data(runs: Sequence[Run]) -> dict[str, Any]:
    return {
        arm.key: {
            "name": arm.name,
            "label": arm.label,
            "colour": arm.colour,
            "run": run.index,
            "place": place,
        }
        for run in runs
        for place, arm in enumerate(run.arms)
    }


def _csp_hash(script: str) -> str:
    """The name by which the page's own policy lets this script run, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _title(runs: Sequence[Run]) -> str:
    if len(runs) > 1:
        return f"{len(runs)} runs"
    given = (runs[0].summary or {}).get("name")
    return plain_text(given, 80) if isinstance(given, str) and given else runs[0].label


def _facts(run: Run) -> list[str]:
    """Small print under the title: seed, time, versions."""
    summary = run.summary or {}
    seconds = finite_number(summary.get("seconds"))
    facts = [] if run.seed is None else [f"seed {run.seed}"]
    if seconds is not None:
        facts.append(duration(seconds))
    versions = summary.get("versions")
    if isinstance(versions, Mapping):
        facts += [f"{plain_text(k, 30)} {plain_text(v, 30)}" for k, v in list(versions.items())[:8]]
    return facts


def _names(runs: Sequence[Run]) -> list[Arm]:
    """One arm for every name and colour: the buttons that show and hide."""
    return list({(arm.name, arm.colour): arm for run in runs for arm in reversed(run.arms)}.values())[::-1]


def _sections(runs: Sequence[Run]) -> list[Section]:
    found = [
        (kind, arm, run.label if len(runs) > 1 else "", content)
        for kind in ("probe", "compare")
        for run in runs
        for arm, content in run.sections[kind].items()
    ]
    return [
        section(kind, plain_text(arm, 60), run, content, i)
        for i, (kind, arm, run, content) in enumerate(found)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Nested settings as dotted names and text, bounded."""
    out: list[tuple[str, str]] = []
    for key, value in list(values.items())[:100]:
        name = prefix + plain_text(key, 60)
        if isinstance(value, Mapping) and depth < 3:
            out += _flat(value, f"{name}.", depth + 1)
        else:
            out.append((name, plain_text(value, 300)))
    return out[:200]
