"""The completions that the page shows: a bounded, spread-out choice of what the runs drew.

Sample files are read in a stream. From every arm, sample file and verdict a few completions are kept, the same
problems everywhere as far as possible (so that arms can be compared on one problem), then embedded in turns until
the space is used up. Nothing here is markup: texts travel as JSON and the page sets them as text.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadline.report.gather import Arm, Run
from leadline.report.json_values import plain_text
from leadline.types import finite_number

__all__ = ["BEHAVIOUR_ORDER", "VERDICT_ORDER", "Shelf", "embed", "pick", "pieces", "script_json"]

VERDICT_ORDER = ("correct", "wrong", "cut off", "no answer", "unscorable")
BEHAVIOUR_ORDER = ("verification", "backtracking", "sub-goals", "backward")
"""The four behaviours in the order of their colours; any other name gets the fifth."""

PER_STRATUM = 40
MAX_FILES = 12
HEAD, TAIL, MAX_SPANS = 4000, 1500, 400
SOLVE_RATE_BINS = 10


@dataclass
class Shelf:
    """What was kept of all completions, and how many there were."""

    strata: dict[tuple[str, str, int], list[tuple[int, int, dict[str, Any]]]] = field(default_factory=dict)
    drawn: Counter[str] = field(default_factory=Counter)
    solve_rates: dict[str, list[float]] = field(default_factory=dict)
    """By arm: training groups that were seen in each of ten bins of solve rate."""


def pick(runs: Sequence[Run]) -> Shelf:
    """Read the sample files of all runs and keep a spread-out choice.

    Raises:
        DataError: a sample file that cannot be read; ``file:line: why``.
    """
    shelf = Shelf()
    serial = itertools.count()
    for run in runs:
        for arm in run.arms:
            for name in _spread(run.reader.sample_names(arm.name)):
                _read_file(shelf, run, arm, name, serial)
    return shelf


def _read_file(shelf: Shelf, run: Run, arm: Arm, name: str, serial: Iterator[int]) -> None:
    solved: dict[str, list[int]] = {}
    seen: Counter[tuple[int, str]] = Counter()
    for row in run.reader.samples(arm.name, name):
        shelf.drawn[arm.key] += 1
        problem = plain_text(row.get("problem_id"), 120)
        code = _verdict(row)
        if code != 4:
            tally = solved.setdefault(problem, [0, 0])
            tally[0] += code == 0
            tally[1] += 1
        # One completion a problem first, then second ones; problems in the same shuffled order everywhere.
        order = -(seen[code, problem] << 64 | _hash(problem))
        seen[code, problem] += 1
        heap = shelf.strata.setdefault((arm.key, name, code), [])
        if len(heap) < PER_STRATUM:
            heapq.heappush(heap, (order, next(serial), _entry(row, problem, arm, name, code)))
        elif order > heap[0][0]:
            heapq.heapreplace(heap, (order, next(serial), _entry(row, problem, arm, name, code)))
    if name != "eval":
        bins = shelf.solve_rates.setdefault(arm.key, [0.0] * SOLVE_RATE_BINS)
        for right, total in solved.values():
            bins[min(SOLVE_RATE_BINS - 1, right * SOLVE_RATE_BINS // total)] += 1


def embed(shelf: Shelf, budget: int) -> dict[str, Any]:
    """Return the page's data for the completions: as many as fit into ``budget`` bytes, strata in turns."""
    if budget <= 0:
        shelf = Shelf(drawn=shelf.drawn)
    queues = [
        [entry for _, _, entry in sorted(heap, reverse=True)] for _, heap in sorted(shelf.strata.items())
    ]
    prompts: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    spent = 0
    for layer in itertools.zip_longest(*queues):
        for entry in filter(None, layer):
            prompt = entry["prompt"]
            row = {k: v for k, v in entry.items() if k != "prompt"} | {"p": prompts.get(prompt, len(prompts))}
            cost = len(script_json(row).encode()) + 1
            if prompt not in prompts:
                cost += len(script_json(prompt).encode()) + 1
            if spent + cost > budget:
                continue
            spent += cost
            prompts.setdefault(prompt, len(prompts))
            rows.append(row)
    return {
        "rows": rows,
        "prompts": list(prompts),
        "drawn": shelf.drawn.total(),
        "verdicts": VERDICT_ORDER,
        "behaviours": BEHAVIOUR_ORDER,
    }


def pieces(text: str, spans: Any) -> list[str | list[Any]]:
    """Cut a text where marks begin and end: bare strings, and ``[string, [behaviours]]`` where something is marked.

    Cutting happens here because offsets count characters in Python and UTF-16 units in a browser. Spans may overlap;
    those that do not fit the text are dropped.

    >>> pieces("no, check it", [[4, 9, "verification"]])
    ['no, ', ['check', [0]], ' it']
    """
    marks = sorted(_spans(text, spans))[:MAX_SPANS]
    opening: dict[int, list[int]] = {}
    closing: dict[int, list[int]] = {}
    for start, end, kind in marks:
        opening.setdefault(start, []).append(kind)
        closing.setdefault(end, []).append(kind)
    open_kinds: Counter[int] = Counter()
    cut: list[str | list[Any]] = []
    for start, end in itertools.pairwise(sorted({0, len(text), *opening, *closing})):
        open_kinds.update(opening.get(start, ()))
        open_kinds.subtract(closing.get(start, ()))
        kinds = sorted(+open_kinds)
        cut.append([text[start:end], kinds] if kinds else text[start:end])
    return cut


def script_json(value: Any) -> str:
    """Return JSON that cannot end or change the ``<script>`` element around it, whatever the texts in it say.

    ``<``, ``>`` and ``&`` only occur inside strings, where their escapes mean the same; so no ``</script>``, no
    ``<!--`` and no ``]]>`` is left. U+2028 and U+2029 are escaped for tools that read this as JavaScript.

    >>> script_json("</script><!--")
    '"\\\\u003c/script\\\\u003e\\\\u003c!--"'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _entry(row: Mapping[str, Any], problem: str, arm: Arm, name: str, code: int) -> dict[str, Any]:
    text = row.get("completion")
    entry: dict[str, Any] = {
        "a": arm.key,
        "s": name,
        "c": code,
        "id": problem,
        "prompt": _clip(plain_text(row.get("prompt")))[0],
        "t": _marked(text if isinstance(text, str) else "", row.get("spans")),
        "g": plain_text(row.get("gold"), 200),
        "x": None if row.get("answer") is None else plain_text(row.get("answer"), 200),
        "why": plain_text(row.get("reason"), 40),
    }
    for short, key in (
        ("n", "n_tokens"),
        ("r", "reward"),
        ("v", "advantage"),
        ("l", "logprob"),
        ("d", "difficulty"),
    ):
        value = finite_number(row.get(key))
        if value is not None:
            entry[short] = float(f"{value:.4g}") if short != "n" else int(value)
    parts = row.get("parts")
    if isinstance(parts, Mapping):
        known = [(plain_text(k, 40), finite_number(v)) for k, v in itertools.islice(parts.items(), 12)]
        entry["q"] = {k: float(f"{v:.3g}") for k, v in known if v is not None}
    return entry


def _marked(text: str, spans: Any) -> list[str | list[Any]]:
    """Cut into pieces and shorten: the start and the end are kept, the number of characters between is told."""
    head, tail, left_out = _ends(text)
    if not left_out:
        return _clean(pieces(text, spans))
    behind = len(text) - len(tail)
    shifted = [
        [s[0] - behind, s[1] - behind, s[2]] for s in _spans(text, spans, names=True) if s[0] >= behind
    ]
    return [
        *_clean(pieces(head, spans)),
        [f"{left_out:,} characters left out", "cut"],
        *_clean(pieces(tail, shifted)),
    ]


def _clean(cut: Sequence[str | list[Any]]) -> list[str | list[Any]]:
    """Replace halves of surrogate pairs, which UTF-8 cannot hold; after cutting, so that offsets still fit."""
    return [plain_text(p) if isinstance(p, str) else [plain_text(p[0]), *p[1:]] for p in cut]


def _ends(text: str) -> tuple[str, str, int]:
    if len(text) <= HEAD + TAIL:
        return text, "", 0
    return text[:HEAD], text[-TAIL:], len(text) - HEAD - TAIL


def _clip(text: str) -> tuple[str, int]:
    head, tail, left_out = _ends(text)
    return (f"{head} … {tail}" if left_out else head), left_out


def _spans(text: str, spans: Any, *, names: bool = False) -> list[Any]:
    """The usable ones of ``[[start, end, behaviour], ...]``, behaviours as their number unless ``names``."""
    found = []
    for span in spans if isinstance(spans, list | tuple) else []:
        if not isinstance(span, list | tuple) or len(span) != 3:
            continue
        start, end, kind = span
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
            slot = BEHAVIOUR_ORDER.index(kind) if kind in BEHAVIOUR_ORDER else len(BEHAVIOUR_ORDER)
            found.append((start, end, str(kind) if names else slot))
    return found


def _verdict(row: Mapping[str, Any]) -> int:
    """Index into `VERDICTS`; a completion that was cut off is that before anything else."""
    if row.get("finished") is False:
        return 2
    if row.get("correct") is True:
        return 0
    if row.get("reason") == "no_answer":
        return 3
    return 4 if row.get("correct") is None else 1


def _spread(names: Sequence[str]) -> list[str]:
    """At most `MAX_FILES` of the step files, evenly spread with both ends, and the final evaluation."""
    steps = [name for name in names if name != "eval"]
    if len(steps) > MAX_FILES:
        steps = [steps[round(i * (len(steps) - 1) / (MAX_FILES - 1))] for i in range(MAX_FILES)]
    return steps + [name for name in names if name == "eval"]


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
