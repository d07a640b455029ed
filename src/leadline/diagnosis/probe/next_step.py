"""What to do after a probe: one sentence and one command."""

from __future__ import annotations

from leadline.diagnosis.probe.headline import samples_needed, short_try
from leadline.diagnosis.probe.result import Probe
from leadline.display import NextStep
from leadline.display.numbers import count

__all__ = ["next_step"]


def next_step(probe: Probe, source: str = "SAMPLES") -> NextStep:
    """By the verdict; words in capitals in a command are for the reader to fill in.

    ``source`` stands in the command as it is: what was probed, quoted, and the options that say how it is read.
    """
    g, kept = probe.edges.group, len(probe.kept)
    code = probe.then if probe.verdict == "duplicates" and probe.then else probe.verdict
    if code in ("worth_it", "drop_problems"):
        what = f"Train on the {count(kept, 'problem')} that teach, in groups of {g}."
        data = "" if " --data " in source or _texts_are_known(probe) else " --data PROBLEMS"
        keep = f"leadline probe {source}{data} --write-problems kept.jsonl"
        return NextStep(what, f"{keep} &&\nleadline run RECIPE --data kept.jsonl --set rl.group_size={g}")
    if code == "too_few":
        samples, problems = samples_needed(probe)
        total = samples + int(probe.counts.n.max())
        more = f" and {count(problems, 'more problem')}" if problems else ""
        return NextStep(
            f"Sample more: {count(samples, 'more sample')} per problem{more} would tell.",
            f"leadline probe MODEL --data PROBLEMS --samples {total}",
        )
    if code == "fix_truncation":
        return NextStep(
            "Sample again with twice the token cap: what was cut off cannot be judged.",
            "leadline probe MODEL --data PROBLEMS --max-tokens TWICE",
        )
    if code == "fix_format":
        return NextStep(
            "Ask for the answer format in the prompt, or teach it by a short supervised stage; then probe again.",
            "leadline run RECIPE --set sft.method=full",
        )
    if code == "slow_start":
        return NextStep(
            f"Train for {short_try(probe)} steps and look at the share of live groups; go on only if it has risen.",
            f"leadline run RECIPE --set rl.group_size={g} --set rl.steps={short_try(probe)}",
        )
    if code == "sft_first":
        return NextStep(
            "Fine-tune on worked solutions first, or take easier problems; then probe again.",
            "leadline probe MODEL --data EASIER_PROBLEMS",
        )
    if code == "split":
        return NextStep(
            f"Fine-tune on worked solutions of the {count(probe.zeros.problems, 'problem')} that are never solved, or "
            "take easier versions of them; those that are solved need nothing. Then probe again.",
            "leadline probe MODEL --data EASIER_PROBLEMS",
        )
    return NextStep(
        "Take harder problems: there is next to nothing left to learn here.",
        "leadline probe MODEL --data HARDER_PROBLEMS",
    )


def _texts_are_known(probe: Probe) -> bool:
    """Whether the samples themselves hold what the kept problems are written of: prompts and reference answers."""
    counts = probe.counts
    return all(name in counts.prompts and name in counts.golds for name in probe.kept)
