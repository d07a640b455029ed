"""What a reader sees first: the next step, the pictures, the meaning of the words."""

from __future__ import annotations

import itertools
import shlex
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from typer.main import get_command

from leadline import theory
from leadline.cli.main import app
from leadline.data.samples.counts import Counts
from leadline.data.samples.tally import count_rows
from leadline.diagnosis.compare import compare
from leadline.diagnosis.compare.next_step import next_step_after
from leadline.diagnosis.compare.tables import comparison_finding
from leadline.diagnosis.probe import probe
from leadline.diagnosis.probe.headline import PROBE_VERDICTS
from leadline.diagnosis.probe.next_step import next_step
from leadline.diagnosis.probe.tables import probe_finding
from leadline.diagnosis.rate_histogram import rate_counts
from leadline.display.glossary import TERMS, glossed
from leadline.display.page import finding_page
from leadline.display.terminal import terminal
from leadline.recipes import find_recipe


def drawn(q: np.ndarray, n: int, seed: int) -> Counts:
    return Counts.from_arrays(n, np.random.default_rng(seed).binomial(n, q))


Q = np.random.default_rng(1).beta(0.6, 0.8, size=120)


def test_solve_rates_are_counted_by_hand() -> None:
    # 0/4, 1/4, 2/4, 4/4, and 1/10 at the edge of the second part.
    assert rate_counts([4, 4, 4, 4, 10], [0, 1, 2, 4, 1]) == (1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1)


def test_a_probe_says_what_to_do_next_on_page_and_terminal() -> None:
    found = probe(drawn(Q, 16, 1))
    finding = probe_finding(found, source="s.jsonl", about="Model: m.")
    command = f"--set rl.group_size={found.group.value}"
    page = finding_page(finding)
    assert "Do this next." in page
    assert command in page
    assert ">never</text>" in page
    assert "120 problems, 16 samples each (median). Model: m." in page
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(terminal(finding))
    text = console.export_text()
    assert "leadline probe s.jsonl --data PROBLEMS --write-problems kept.jsonl" in text
    assert command in text
    assert "never " in text


@pytest.mark.parametrize(
    ("counts", "word"),
    [(Counts.from_arrays(1, np.arange(40) % 2), "--samples"), (drawn(np.full(100, 0.999), 32, 1), "HARDER")],
)
def test_each_verdict_has_its_own_next_step(counts: Counts, word: str) -> None:
    assert word in probe_finding(probe(counts)).step.command  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("verdict", "then", "word"),
    [
        ("duplicates", "sft_first", "EASIER"),
        ("duplicates", "split", "EASIER"),
        ("duplicates", "", "HARDER"),
        ("fix_truncation", "sft_first", "--max-tokens TWICE"),
    ],
)
def test_what_follows_is_said_of_copies_alone(verdict: str, then: str, word: str) -> None:
    """Copies change what a probe measured and not what is to be done; a cap has to be raised before anything else."""
    assert word in next_step(replace(probe(drawn(Q, 16, 1)), verdict=verdict, then=then)).command


def test_the_problem_set_is_asked_for_where_the_samples_do_not_hold_it() -> None:
    found = replace(probe(drawn(Q, 16, 1)), verdict="worth_it")
    assert " --data PROBLEMS --write-problems" in next_step(found).command
    texts = dict.fromkeys(found.counts.ids, "1")
    known = replace(found, counts=replace(found.counts, prompts=texts, golds=texts))
    assert next_step(known, "a.jsonl").command.startswith(
        "leadline probe a.jsonl --write-problems kept.jsonl"
    )


@pytest.mark.parametrize("verdict", PROBE_VERDICTS)
def test_settings_of_the_command_are_those_of_a_recipe(verdict: str) -> None:
    words = shlex.split(next_step(replace(probe(drawn(Q, 16, 1)), verdict=verdict)).command)
    changes = [value for option, value in itertools.pairwise(words) if option == "--set"]
    find_recipe("quickstart", changes)  # a setting that there is not is refused
    options = {
        word for command in get_command(app).commands.values() for p in command.params for word in p.opts
    }
    assert {word for word in words if word.startswith("--")} <= options


def test_only_what_moved_beyond_chance_is_listed() -> None:
    before, after = np.full(40, 8), np.full(40, 8)
    before[3], after[3], before[5], after[5] = 15, 1, 1, 15
    after[7:12] = 10  # by chance
    found = compare(Counts.from_arrays(16, before), Counts.from_arrays(16, after))
    tables = comparison_finding(found, sources=("b", "t")).tables
    [moved] = [table for table in tables if table.title == "Problems that gained and lost most"]
    assert [row[1:3] for row in moved.rows] == [("1/16", "15/16"), ("15/16", "1/16")]


def test_a_comparison_shows_who_moved_with_the_text_and_no_markup_of_theirs() -> None:
    def rows(p: np.ndarray, seed: int) -> Counts:
        hits = np.random.default_rng(seed).binomial(16, p)
        return count_rows(
            (1, {"problem_id": f"p{i}", "prompt": f"<b>Tale</b> number {i}", "correct": bool(j < hits[i])})
            for i in range(p.size)
            for j in range(16)
        )

    found = compare(rows(Q, 1), rows(theory.tilted_success(Q, 3.0), 2))
    page = finding_page(comparison_finding(found, sources=("b.jsonl", "t.jsonl")))
    assert "Problems that gained and lost most" in page
    assert "&lt;b&gt;Tale&lt;/b&gt; number" in page
    assert "<b>Tale" not in page
    assert "solve rate before" in page


def test_no_change_asks_for_a_repeat() -> None:
    found = compare(drawn(Q, 64, 1), drawn(Q, 64, 2))
    assert found.verdict == "unchanged"
    assert next_step_after(found, "b", "t").command == "leadline compare b t --repeat BASE_AGAIN"


def test_terms_are_explained_once_and_text_is_escaped() -> None:
    text = str(glossed("pass@1 <i> and pass@1, pass@16"))
    assert text.count("<abbr") == 1
    assert "&lt;i&gt;" in text
    assert not any('"' in meaning for meaning in TERMS.values())
