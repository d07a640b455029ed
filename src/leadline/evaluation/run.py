"""One evaluation from beginning to end: draw, save, grade, measure; started again, it goes on where it was."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import platform
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from leadline.data.problems.loading import ProblemSet
from leadline.data.samples.rows import read_samples
from leadline.errors import ConfigError, DataError, Interrupted
from leadline.evaluation.metrics import Evaluation, evaluate
from leadline.evaluation.sample_store import DrawStore
from leadline.grading import Grader
from leadline.rewards import Scorer
from leadline.rewards.user_functions import named_grader
from leadline.samplers import FileSampler, Sampler, Sampling, check_samples
from leadline.storage.installed import installed
from leadline.storage.jsonl import read_json, write_json_atomic, write_jsonl
from leadline.storage.outputs import check_output_folder
from leadline.types import Completion, Problem, SampleRow, Score

__all__ = [
    "MEASURED",
    "EvalRun",
    "GradedSamples",
    "SamplesWarning",
    "draw_and_grade",
    "read_graded",
    "run_eval",
]

_PACKAGES = ("leadline", "transformers", "torch", "vllm", "math-verify")
_CHUNK = 1024  # completions graded at a time
MEASURED = {"format": 0.0, "reflection": 0.0, "repetition": 0.0}
"""The parts of the reward that every evaluation measures; none of them is paid."""


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
        out: folder; made where there is none.
        ks: of pass@k and cons@k; powers of two up to ``samples``, and ``samples``, when None.
        grader: as :class:`leadline.rewards.Scorer` takes it; ``module:function`` is looked up before anything else.
        progress: called with the number of samples there, and the number wanted.

    Raises:
        ConfigError: ``out`` holds a run with other settings, or there is no such grader.
        Interrupted: stopped by the user; what was drawn is saved.
        DataError, StorageError, LeadlineError: from the source of samples, or the disk.
    """
    check_samples(samples)
    grade = named_grader(grader) if isinstance(grader, str) else grader
    settings = _settings(sampler, problems, sampling)
    check_output_folder(out, mark="settings.json", files=("samples.jsonl.gz", "metrics.json"))
    _agree(out / "settings.json", settings)
    with _open_store(out, samples * len(problems)) as store:
        write_json_atomic(out / "settings.json", settings | {"samples": samples})
        asked = (sampler, problems.problems, store, out / "samples.jsonl.gz")
        graded = draw_and_grade(*asked, samples=samples, sampling=sampling, grader=grade, progress=progress)
    if sampling.temperature > 0 and graded.all_alike(samples):
        _warn_of_one_text(sampler, samples)
    evaluation = graded.measure(ks or _powers(samples), sampling.seed)
    named = {"grader": grader} if isinstance(grader, str) else {}
    result = {"settings": settings | {"samples": samples} | named, "metrics": evaluation.as_dict()}
    versions = {"python": platform.python_version(), **installed(*_PACKAGES)}
    write_json_atomic(out / "metrics.json", result | {"versions": versions})
    return EvalRun(evaluation, out / "metrics.json", out / "samples.jsonl.gz")


def _warn_of_one_text(sampler: Sampler, samples: int) -> None:
    warnings.warn(
        f"all {samples} samples of every problem are the same text: does {sampler.name} heed the temperature?",
        SamplesWarning,
        stacklevel=3,
    )


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
def _open_store(out: Path, wanted: int) -> Iterator[DrawStore]:
    """The samples drawn so far; on an error before the first of them, files and folders made here are taken away.

    Raises:
        Interrupted: for a KeyboardInterrupt, with what is there of the samples ``wanted``.
    """
    raw = out / "raw.jsonl"
    absent = [path for path in (out / "settings.json", raw, out, *out.parents) if not path.exists()]
    with DrawStore(raw) as store:
        try:
            yield store
        except BaseException as error:
            if raw.stat().st_size == 0:
                for path in absent:
                    with contextlib.suppress(OSError):  # somebody else has put something there
                        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            if isinstance(error, KeyboardInterrupt):
                raise Interrupted(
                    f"stopped after {len(store)} of {wanted} samples; run the same command again to go on"
                ) from error
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


def draw_and_grade(
    sampler: Sampler,
    problems: Sequence[Problem],
    store: DrawStore,
    target: Path,
    *,
    samples: int,
    sampling: Sampling,
    grader: Grader | Callable[..., Any] | str | None = None,
    progress: Callable[[int, int], None] | None = None,
    context: Mapping[str, Any] = MappingProxyType({}),
) -> GradedSamples:
    """Draw what ``store`` lacks, grade all of it anew, and write the graded rows to ``target``.

    The one way from a model to its numbers: of ``leadline eval`` and of every stage of a recipe.

    Args:
        context: goes into every row, besides ``index``.

    Raises:
        DataError: ``store`` holds samples of other problems.
    """
    _draw(sampler, problems, samples, sampling, store, progress)
    graded, prompts = (
        GradedSamples(problems),
        {problem.id: sampler.prompt_text(problem) for problem in problems},
    )

    def rows() -> Iterator[dict[str, Any]]:
        with Scorer(MEASURED, grader=grader) as scorer:
            draws = (draw for draw in store.draws() if draw.index < samples)
            while chunk := list(itertools.islice(draws, _CHUNK)):
                asked = [graded.problems[draw.completion.problem_id] for draw in chunk]
                scores = scorer.score(asked, [draw.completion for draw in chunk])
                for draw, problem, score in zip(chunk, asked, scores, strict=True):
                    graded.add(draw.index, draw.completion, score)
                    row = SampleRow.of(problem, draw.completion, score, prompts[problem.id])
                    yield replace(row, context={**context, "index": draw.index}).to_row()

    write_jsonl(target, rows())
    return graded


def read_graded(target: Path, problems: Sequence[Problem], samples: int) -> GradedSamples | None:
    """What :func:`draw_and_grade` wrote to ``target``; None unless it holds ``samples`` of each of these problems.

    Raises:
        DataError: ``target`` holds rows that cannot be used.
    """
    if not target.is_file():
        return None
    graded, counts = GradedSamples(problems), Counter[str]()
    for row in read_samples(target):
        if row.score is None or row.completion.problem_id not in graded.problems:
            return None
        graded.add(int(row.context.get("index", 0)), row.completion, row.score)
        counts[row.completion.problem_id] += 1
    return graded if counts == dict.fromkeys(graded.problems, samples) else None


def _draw(
    sampler: Sampler,
    problems: Sequence[Problem],
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
            f"{store.path}: holds samples of {len(foreign)} problems that are not in the set: {foreign[:5]}"
        )
    have, total = sum(index < samples for _, index in drawn), samples * len(problems)
    if progress:
        progress(have, total)
    if have == total:
        return
    for draw in sampler.generate(problems, samples, sampling, done=drawn):
        if draw.key in drawn:
            raise RuntimeError(f"{sampler.name} drew {draw.key} twice")
        drawn.add(draw.key)
        store.append(draw)
        have += 1
        if progress:
            progress(have, total)


class GradedSamples:
    """What the metrics need of graded completions: no texts."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = {problem.id: problem for problem in problems}
        self._texts: dict[str, set[int]] = {}
        self._rows: list[tuple[int, Completion, Score]] = []

    def add(self, index: int, completion: Completion, score: Score) -> None:
        """Take the ``index``-th completion of a problem."""
        self._texts.setdefault(completion.problem_id, set()).add(hash(completion.text))
        self._rows.append((index, replace(completion, text=""), replace(score, spans=())))

    def measure(self, ks: Sequence[int], seed: int) -> Evaluation:
        """The metrics, by index: the subsets that vote in cons@k must not depend on which sample came first."""
        rows = sorted(self._rows, key=lambda row: row[0])
        completions, scores = [row[1] for row in rows], [row[2] for row in rows]
        return evaluate(list(self.problems.values()), completions, scores, ks=ks, seed=seed)

    def all_alike(self, samples: int) -> bool:
        """Whether every problem has one text only, over enough samples to wonder."""
        wondered = samples * len(self._texts) >= 16 and samples > 1
        return wondered and all(len(texts) == 1 for texts in self._texts.values())


def _powers(samples: int) -> list[int]:
    """1, 2, 4, ... below ``samples``, and ``samples``."""
    return [*(2**i for i in range(samples.bit_length()) if 2**i < samples), samples]
