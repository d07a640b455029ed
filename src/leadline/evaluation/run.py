"""One evaluation from beginning to end: draw, save, grade, measure; started again, it goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import platform
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from leadline.data.problems.loading import ProblemSet
from leadline.errors import ConfigError, DataError, Interrupted
from leadline.evaluation.metrics import Evaluation, evaluate
from leadline.evaluation.sample_store import DrawStore
from leadline.grading import Grader
from leadline.rewards import Scorer, resolve
from leadline.rewards.user_functions import guarded
from leadline.samplers import Draw, FileSampler, Sampler, Sampling
from leadline.storage.jsonl import read_json, write_json_atomic, write_jsonl
from leadline.types import Completion, Problem, SampleRow, Score

__all__ = ["EvalRun", "SamplesWarning", "run_eval"]

_CHUNK = 1024  # completions graded at a time
_MEASURED = {"format": 0.0, "reflection": 0.0, "repetition": 0.0}


class SamplesWarning(UserWarning):
    """The samples look as if they had not been drawn as was asked."""


@dataclass(frozen=True, slots=True)
class EvalRun:
    """A finished evaluation: its metrics, and the files that it wrote."""

    evaluation: Evaluation
    metrics_path: Path
    samples_path: Path


def run_eval(
    sampler: Sampler,
    problems: ProblemSet,
    out: Path,
    *,
    samples: int,
    sampling: Sampling,
    ks: Sequence[int] | None = None,
    grader: Grader | Callable[..., Any] | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EvalRun:
    """Draw ``samples`` completions of every problem, grade them, and write what came out to ``out``.

    Files: ``settings.json`` (what was asked), ``raw.jsonl`` (samples as they come; a run that was stopped
    goes on from it, drawing only what is missing), ``samples.jsonl.gz`` (graded), ``metrics.json``. Run again
    with more samples, it draws the difference; with another grader, it grades what is there anew; with other
    settings or problems it refuses. Where nothing could be drawn, nothing is left behind.

    Args:
        sampler: where the samples come from.
        problems: the problem set.
        out: folder; made where there is none.
        samples: of each problem.
        sampling: temperature, token cap, seed, ...
        ks: of pass@k and cons@k; powers of two up to ``samples``, and ``samples``, when None.
        grader: as :class:`leadline.rewards.Scorer` takes it; ``module:function`` is looked up before anything else.
        progress: called with the number of samples there, and the number wanted.

    Raises:
        ConfigError: ``out`` holds a run with other settings, or there is no such grader.
        Interrupted: stopped by the user; what was drawn is saved.
        DataError, StorageError, LeadlineError: from the source of samples, or the disk.
    """
    if samples < 1:
        raise ConfigError(f"samples must be at least 1, got {samples}")
    grade = (
        guarded(resolve(grader, what="grader"), f"grader {grader!r}") if isinstance(grader, str) else grader
    )
    settings = _settings(sampler, problems, sampling)
    _agree(out / "settings.json", settings)
    absent = [
        path for path in (out / "settings.json", out / "raw.jsonl", out, *out.parents) if not path.exists()
    ]
    with DrawStore(out / "raw.jsonl") as store, _no_empty_folder(out / "raw.jsonl", absent):
        write_json_atomic(out / "settings.json", settings | {"samples": samples})
        _draw(sampler, problems, samples, sampling, store, progress)
        graded = _Graded(problems.problems, sampler, grade)
        write_jsonl(
            out / "samples.jsonl.gz",
            graded.rows(draw for draw in store.draws() if draw.index < samples),
        )
    if sampling.temperature > 0 and graded.all_alike(samples):
        warnings.warn(
            f"all {samples} samples of every problem are the same text: does {sampler.name} heed the temperature?",
            SamplesWarning,
            stacklevel=2,
        )
    evaluation = graded.measure(ks or _powers(samples), sampling.seed)
    named = {"grader": grader} if isinstance(grader, str) else {}
    result = {"settings": settings | {"samples": samples} | named, "metrics": evaluation.as_dict()}
    write_json_atomic(out / "metrics.json", result | {"versions": _versions()})
    return EvalRun(evaluation, out / "metrics.json", out / "samples.jsonl.gz")


def _settings(sampler: Sampler, problems: ProblemSet, sampling: Sampling) -> dict[str, Any]:
    digest = hashlib.sha256()
    for problem in problems:
        content = [
            problem.id,
            problem.prompt,
            problem.answer,
            [list(turn) for turn in problem.messages or ()],
        ]
        digest.update(json.dumps(content).encode() + b"\n")
    return {
        "model": sampler.name,
        "model_files": _fingerprint(Path(sampler.name)),
        "data": problems.name,
        "problems": len(problems),
        "problems_hash": digest.hexdigest()[:32],
        # How a file's samples were drawn and asked for is not known here.
        **({} if isinstance(sampler, FileSampler) else asdict(sampling) | asdict(sampler.prompting)),
    }


@contextlib.contextmanager
def _no_empty_folder(raw: Path, absent: Sequence[Path]) -> Iterator[None]:
    """On an error before the first sample, take away the files and folders that were ``absent`` before."""
    try:
        yield
    except BaseException:
        if raw.stat().st_size == 0:
            for path in absent:
                with contextlib.suppress(OSError):  # somebody else has put something there
                    path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise


def _fingerprint(source: Path) -> str | None:
    """Tells whether a model directory or sample file of the same name still holds what it did; None for others.

    By names, sizes and times of change: hashing the weights of a large model would take longer than loading them.
    """
    if not source.exists():
        return None
    digest = hashlib.sha256()
    files = sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source]
    for path in files:
        stat = path.stat()
        digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _agree(path: Path, settings: Mapping[str, Any]) -> None:
    """Refuse a folder in which something else was evaluated."""
    if not path.exists():
        return
    before = read_json(path)
    unlike = [name for name in settings if before.get(name) != settings[name]]
    if unlike:
        place = path.parent
        raise ConfigError(
            [
                f"{place}: holds an evaluation with {name} {before.get(name)!r}, not {settings[name]!r}"
                for name in unlike
            ]
            + [f"{place}: choose another --out, or remove it"]
        )


def _draw(
    sampler: Sampler,
    problems: ProblemSet,
    samples: int,
    sampling: Sampling,
    store: DrawStore,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Draw what is missing, saving each sample as it comes."""
    known = {problem.id for problem in problems}
    drawn = store.keys()
    foreign = sorted({name for name, _ in drawn if name not in known})
    if foreign:
        raise DataError(
            f"raw.jsonl holds samples of {len(foreign)} problems that are not in the set: {foreign[:5]}"
        )
    have = sum(index < samples for _, index in drawn)
    total = samples * len(problems)
    if progress:
        progress(have, total)
    if have == total:
        return
    try:
        for draw in sampler.generate(problems.problems, samples, sampling, done=drawn):
            if draw.key in drawn:
                raise RuntimeError(f"{sampler.name} drew {draw.key} twice")
            drawn.add(draw.key)
            store.append(draw)
            have += 1
            if progress:
                progress(have, total)
    except KeyboardInterrupt as error:
        raise Interrupted(
            f"stopped after {have} of {total} samples; run the same command again to go on"
        ) from error


class _Graded:
    """Grades completions as they stream by, and keeps what the metrics need: no texts."""

    def __init__(
        self, problems: Sequence[Problem], sampler: Sampler, grader: Grader | Callable[..., Any] | None
    ) -> None:
        self._problems = {problem.id: problem for problem in problems}
        self._prompts = {problem.id: sampler.prompt_text(problem) for problem in problems}
        self._grader = grader
        self._texts: dict[str, set[int]] = {}
        self._rows: list[tuple[int, Completion, Score]] = []

    def rows(self, draws: Iterable[Draw]) -> Iterator[dict[str, Any]]:
        """The graded rows, as sample files hold them."""
        with Scorer(_MEASURED, grader=self._grader) as scorer:
            for chunk in _chunks(draws, _CHUNK):
                completions = [draw.completion for draw in chunk]
                asked = [self._problems[completion.problem_id] for completion in completions]
                for draw, problem, score in zip(chunk, asked, scorer.score(asked, completions), strict=True):
                    completion = draw.completion
                    self._texts.setdefault(problem.id, set()).add(hash(completion.text))
                    self._rows.append((draw.index, replace(completion, text=""), replace(score, spans=())))
                    yield SampleRow.of(
                        problem, completion, score, self._prompts[problem.id], index=draw.index
                    ).to_row()

    def measure(self, ks: Sequence[int], seed: int) -> Evaluation:
        """The metrics, by index: the subsets that vote in cons@k must not depend on which sample came first."""
        rows = sorted(self._rows, key=lambda row: row[0])
        completions, scores = [row[1] for row in rows], [row[2] for row in rows]
        return evaluate(list(self._problems.values()), completions, scores, ks=ks, seed=seed)

    def all_alike(self, samples: int) -> bool:
        """Whether every problem has one text only, over enough samples to wonder."""
        wondered = samples * len(self._texts) >= 16 and samples > 1
        return wondered and all(len(texts) == 1 for texts in self._texts.values())


def _chunks(items: Iterable[Draw], size: int) -> Iterator[list[Draw]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def _powers(samples: int) -> list[int]:
    """1, 2, 4, ... below ``samples``, and ``samples``."""
    return [*(2**i for i in range(samples.bit_length()) if 2**i < samples), samples]


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("leadline", "transformers", "torch", "vllm", "math-verify"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
