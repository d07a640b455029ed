"""Do two run directories hold the same results? Times aside, to the byte.

    python benchmarks/same_results.py OLD NEW

Compares metrics.jsonl line by line, summary.json arm by arm, and every file of samples, each as JSON text without the
fields that tell time. Fields that only the new one has are listed, not counted as differences; exit code 1 says that
some number differs. Run both with the same recipe, machine and ``--set threads=1``.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TIMES = {"seconds", "sampling_seconds", "tokens_per_second", "versions"}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every number and text of a JSON value as (where, JSON text), without times."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in TIMES:
                yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, json.dumps(value)


def rows(path: Path) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.splitlines()]


def values(root: Path) -> Iterator[tuple[str, str]]:
    """(file: where, value) of everything that a run computed."""
    for index, row in enumerate(rows(root / "metrics.jsonl"), start=1):
        yield from leaves(row, f"metrics.jsonl:{index}")
    for name in ["summary.json", *sorted(path.name for path in root.glob("*-*.json"))]:
        yield from leaves(json.loads((root / name).read_text()), name)
    for path in sorted(root.glob("samples/*/*.jsonl.gz")):
        for index, row in enumerate(rows(path), start=1):
            yield from leaves(row, f"{path.relative_to(root)}:{index}")


def main(old: Path, new: Path) -> int:
    before, after = dict(values(old)), dict(values(new))
    added = Counter(place.rpartition(".")[2] for place in after.keys() - before.keys())
    gone = sorted(before.keys() - after.keys())
    unlike = sorted(place for place in before.keys() & after.keys() if before[place] != after[place])
    print(
        f"{len(before):,} values in {old}, {len(after):,} in {new}: {len(unlike):,} differ, {len(gone):,} are gone"
    )
    for place in (unlike + gone)[:20]:
        print(f"  {place}: {before[place][:80]} -> {after.get(place, 'nothing')[:80]}")
    for name, count in added.most_common():
        print(f"  new: {name} ({count:,} places)")
    return 1 if unlike or gone else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
