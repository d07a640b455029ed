"""Rows from wherever problems are kept: files, saved data sets, Hugging Face names, reasoning-gym generators."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from leadline.data.row_files import ROW_SUFFIXES, PlacedRow, read_rows
from leadline.data.samples.enclosed import opened
from leadline.errors import DataError, InputError, MissingExtra
from leadline.storage.huggingface_hub import ask, offline
from leadline.storage.yaml_text import parse_yaml

__all__ = ["KNOWN_DATASETS", "RowSource", "open_source"]

# Short names of evaluation sets: Hugging Face name, configuration, split.
KNOWN_DATASETS: Mapping[str, tuple[str, str | None, str]] = {
    "gsm8k": ("openai/gsm8k", "main", "test"),
    "math500": ("HuggingFaceH4/MATH-500", None, "test"),
    "aime24": ("HuggingFaceH4/aime_2024", None, "train"),
    "aime25": ("math-ai/aime25", None, "test"),
    "gpqa_diamond": ("Idavidrein/gpqa", "gpqa_diamond", "train"),
}
MAX_GYM_SIZE = 10**6
_HUB_NAME = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?::(?P<config>[\w.-]+))?")
_GYM_NAME = re.compile(r"gym:(?P<name>\w+)(?:\?(?P<options>.*))?", re.DOTALL)


class RowSource(NamedTuple):
    """A name for people, and the rows, read as they are asked for."""

    name: str
    rows: Iterator[PlacedRow]


def open_source(source: str | Path, *, split: str | None, seed: int, faults: list[str]) -> RowSource:
    """Find what ``source`` names.

    A path, a short name (``KNOWN_DATASETS``), ``gym:NAME?size=..,seed=..``, or a data set
    ``owner/name[:configuration]`` of the Hugging Face hub.

    Lines of JSON-lines files that do not parse are noted in ``faults`` as ``file:line: why``.

    Raises:
        DataError: there is no such file or data set, it cannot be read, or it needs a split.
    """
    text, path = str(source), Path(source)
    if path.is_dir():
        return RowSource(path.name, _saved_dataset(path, split))
    if path.exists():
        if split is not None:
            raise DataError(f"{path}: a file has no splits, so there is no {split!r:.60}")
        return RowSource(path.name.partition(".")[0], _file(path, faults))
    if match := _GYM_NAME.fullmatch(text):
        return RowSource(match["name"], _gym(match["name"], match["options"] or "", seed))
    if text.lower() in KNOWN_DATASETS:
        name, config, known_split = KNOWN_DATASETS[text.lower()]
        return RowSource(text.lower(), _hub(name, config, split or known_split))
    match = _HUB_NAME.fullmatch(text)
    if (
        match
        and not isinstance(source, Path)
        and not text.endswith(ROW_SUFFIXES)
        and not text.startswith(".")
    ):
        return RowSource(match["name"], _hub(match["name"], match["config"], split))
    known = ", ".join(KNOWN_DATASETS)
    raise DataError(f"{text}: no such file; nor is it a known set ({known}), gym:NAME or owner/name")


def _file(path: Path, faults: list[str]) -> Iterator[PlacedRow]:
    if path.name.lower().endswith(ROW_SUFFIXES):
        return opened(read_rows(path, faults))
    raise DataError(f"{path}: unknown kind of file; expected {', '.join(ROW_SUFFIXES)}")


def _saved_dataset(path: Path, split: str | None) -> Iterator[PlacedRow]:
    """A folder: one that ``datasets`` saved, or one with data files that it can load."""
    import datasets

    saved = (path / "dataset_dict.json").exists() or (path / "state.json").exists()
    load = datasets.load_from_disk if saved else datasets.load_dataset
    return _dataset(str(path), lambda: load(str(path)), split)


def _hub(name: str, config: str | None, split: str | None) -> Iterator[PlacedRow]:
    import datasets

    try:
        answer = ask(name, "dataset")
    except InputError as error:
        raise DataError(error.problems) from error
    place = f"{name} (no file or folder here; a data set of the hub)"
    if answer.why is None:
        return _dataset(name, lambda: datasets.load_dataset(name, config, split=split), split, place)
    unreached = f"{place}: the hub cannot be reached ({answer.why.partition('. ')[0]})"
    with offline():
        try:
            return _dataset(
                name,
                lambda: datasets.load_dataset(name, config, split=split),
                split,
                f"{unreached}; from its cache",
            )
        except DataError as error:
            if isinstance(error.__cause__, ConnectionError):  # it asked the hub: the cache has nothing
                raise DataError(f"{unreached}, and its cache has none of it") from error
            raise


def _dataset(name: str, load: Callable[[], Any], split: str | None, place: str = "") -> Iterator[PlacedRow]:
    try:
        loaded = load()
    except Exception as error:  # hub, cache, network and format failures share no class
        raise DataError(
            f"{place or name}: cannot be loaded: {type(error).__name__}: {str(error)[:300]}"
        ) from error
    if isinstance(loaded, Mapping):
        loaded = _one_split(name, loaded, split)
    return (PlacedRow(name, i, dict(values)) for i, values in enumerate(loaded, start=1))


def _one_split(name: str, splits: Mapping[str, Any], split: str | None) -> Any:
    if split is None and len(splits) == 1:
        return next(iter(splits.values()))
    if split is not None and split in splits:
        return splits[split]
    wanted = "say which split" if split is None else f"no split {split!r}"
    raise DataError(f"{name}: {wanted}; there are {', '.join(map(str, splits))}")


def _gym(name: str, options: str, seed: int) -> Iterator[PlacedRow]:
    """Problems of a reasoning-gym generator, e.g. ``gym:chain_sum?size=100,seed=7,min_terms=2``."""
    settings = {"size": 500, "seed": seed} | _options(name, re.split("[,&]", options) if options else ())
    size, seed = settings["size"], settings["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise DataError(f"gym:{name}: seed must be a whole number from 0 to 2^63 - 1, is {seed!r:.60}")
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MAX_GYM_SIZE:
        raise DataError(f"gym:{name}: size must lie between 1 and {MAX_GYM_SIZE:,}, is {size!r:.60}")
    try:
        import reasoning_gym
    except ImportError as error:
        raise MissingExtra(
            f"gym:{name}: reasoning-gym is not installed: pip install 'leadline[gym]'"
        ) from error
    try:
        generator = reasoning_gym.create_dataset(name, **settings)
        for number, entry in enumerate(generator, start=1):
            yield PlacedRow(f"gym:{name}", number, dict(entry))
    except (ValueError, TypeError, AssertionError, KeyError) as error:
        raise DataError(f"gym:{name}: {str(error)[:300] or type(error).__name__}") from error


def _options(name: str, pairs: Sequence[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip().isidentifier():
            raise DataError(f"gym:{name}: expected option=value, got {pair!r}")
        if key.strip() in settings:
            raise DataError(f"gym:{name}: {key.strip()} is given twice")
        settings[key.strip()] = parse_yaml(value, f"gym:{name}: {key.strip()}")
    return settings
