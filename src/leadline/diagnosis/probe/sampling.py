"""Samples of a model for the probe, and the log-probability of solutions that are known to be correct."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leadline.data import ProblemSet
from leadline.diagnosis.probe.correct_mass import teacher_forced
from leadline.evaluation import run_eval
from leadline.samplers import Sampling
from leadline.samplers.factory import ModelOptions, open_sampler
from leadline.tasks import wrap

__all__ = ["sample_for_probe"]


def sample_for_probe(
    model: str,
    problems: ProblemSet,
    out: Path,
    sampling: Sampling,
    options: ModelOptions,
    *,
    samples: int,
    grader: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, dict[str, float]]:
    """Draw samples of every problem into ``out`` (going on where it was), and bound log Q from below where we can.

    The bound needs the model at hand (leadline's own engine), a worked solution, and a temperature above
    0; the completion that is forced is the solution and the answer in their tags.

    Returns:
        the sample file, and the lower bound on log Q by problem id (empty where there is none).
    """
    sampler = open_sampler(model, options, problems=problems.problems, sampling=sampling)
    done = run_eval(
        sampler, problems, out, samples=samples, sampling=sampling, grader=grader, progress=progress
    )
    known = [problem for problem in problems if problem.solution is not None]
    force = getattr(sampler, "solution_logprobs", None)
    if force is None or not known or sampling.temperature == 0:
        return done.samples_path, {}
    texts = [wrap(problem.solution or "", problem.answer) for problem in known]
    values = force(known, texts, sampling.temperature)
    rows = [(problem.id, text, value) for problem, text, value in zip(known, texts, values, strict=True)]
    return done.samples_path, teacher_forced(rows)
