"""The report as a file: what it says, holds and refuses, and how large it gets. (Looks: test_report_browser.)"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from fake_run import ARMS, HOSTILE, Arm, make_run
from leadline.display import Chart, Finding, Point
from leadline.errors import DataError, InputError, LeadlineError
from leadline.grpo.config import AdvantageConfig
from leadline.report import build, build_report, completions, figures, palette, story, tables
from leadline.report.gather import gather
from leadline.report.panels import running_mean, thinned
from leadline.report.sections import section
from leadline.report.tables import MAX_ROWS
from leadline.storage.run_directory import RunReader, RunWriter, read_jsonl


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "demo", problems=48, sections=True)


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return build_report([run], run / "report.html").read_text("utf-8")


class Page(HTMLParser):
    """Elements with their attributes, the text outside scripts, and the content of every script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        elif self.cdata_elem is None:
            self.text += data


def bare_text(sentence: story.ArmSentence) -> str:
    return "".join(part if isinstance(part, str) else part.name for part in sentence)


def results(**arms: dict[str, Any]) -> dict[str, Any]:
    return {"arms": arms, "seed": 3}


def write_run(root: Path, summary: dict[str, Any] | None, rows: list[dict[str, Any]] | None = None) -> Path:
    with RunWriter(root) as writer:
        for row in rows or []:
            writer.metric(row)
        if summary is not None:
            writer.summary(summary)
    return root


# --- the file ---


def test_it_is_one_file_that_loads_nothing_and_stays_small(page: str) -> None:
    assert 4_000_000 < len(page.encode()) < 6_000_000
    parsed = Page(page)
    tags = Counter(tag for tag, _ in parsed.elements)
    assert tags["script"] == 5
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(tags)
    for _, attributes in parsed.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(
        a["content"] or "" for tag, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy.split("style-src")[0]


def test_what_a_model_wrote_is_data_and_comes_back_unchanged(page: str, run: Path) -> None:
    parsed = Page(page)
    data = json.loads(parsed.scripts[1])
    texts = {"".join(p if isinstance(p, str) else p[0] for p in row["t"]) for row in data["rows"]}
    assert HOSTILE[0] in texts
    assert HOSTILE[1] in texts
    assert HOSTILE[2].replace("\ud83d", "\ufffd") in texts
    assert any(
        text.startswith("a very long one") and "characters left out" in text and len(text) < 6000
        for text in texts
    )
    for raw in ("<script>window.pwned", "<img src=x", "<svg onload"):
        assert raw not in page
    assert page.count("</script>") == 5
    assert Page(page).text.count("worth training") == 1
    assert "GRPO can help here &lt;b&gt;a lot&lt;/b&gt;." in page
    assert "note: &#39;&lt;/script&gt;&#39;" in page
    assert "{{ 7*7 }}" in "".join(texts)


@given(st.text() | st.lists(st.text()))
def test_script_json_reads_back_and_cannot_close_its_element(value: Any) -> None:
    try:
        text = completions.script_json(value)
        text.encode()
    except UnicodeEncodeError:  # halves of surrogate pairs are replaced before, by plain_text
        return
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_the_same_run_gives_the_same_bytes(page: str, run: Path, tmp_path: Path) -> None:
    assert build_report([run], tmp_path / "again.html").read_text("utf-8") == page


def test_many_long_completions_stay_under_the_size(tmp_path: Path) -> None:
    root = make_run(tmp_path / "run", problems=8)
    with RunWriter(root, resume=True) as writer:
        rows = [
            {
                "problem_id": f"p{i}",
                "prompt": f"{i}" * 3000,
                "completion": chr(0x4E00 + i % 999) * 5500,
                "correct": i % 2 == 0,
            }
            for i in range(600)
        ]
        for step in range(20, 61, 20):
            writer.samples("lead", f"step-{step:06d}", rows)
    page = build_report([root], tmp_path / "r.html").read_text("utf-8")
    assert 5_700_000 < len(page.encode()) < 6_000_000
    assert len(json.loads(Page(page).scripts[1])["rows"]) > 30


def test_the_bound_counts_everything_on_the_page(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "MAX_PAGE_BYTES", 5_000_000)
    page = build_report([run], tmp_path / "r.html").read_text("utf-8")
    assert 4_980_000 < len(page.encode()) < 5_000_000
    monkeypatch.setattr(build, "MAX_PAGE_BYTES", 4_800_000)
    with pytest.raises(LeadlineError, match="without completions"):
        build_report([run], tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


def test_faults_are_named_all_at_once_and_nothing_is_written(tmp_path: Path, run: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        build_report([tmp_path / "none", run, tmp_path / "empty"], tmp_path / "r.html")
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError, match="at least one run"):
        build_report([], tmp_path / "r.html")
    broken = make_run(tmp_path / "broken", problems=6, steps=20)
    (broken / "samples" / "lead" / "eval.jsonl.gz").write_bytes(b'{"completion": "x"}\n{"completion"\n')
    with pytest.raises(DataError, match=r"eval\.jsonl\.gz:2: not JSON"):
        build_report([broken], tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(
    "summary",
    [
        {"arms": {}},
        {"arms": {"a": {}}},
        {"arms": {"a": {"pass@1": "high", "pass@1_ci": [0, "x"], "by_difficulty": [1], "advantage": "lead"}}},
        {
            "arms": {
                "a": {"pass@1": 10**400, "mean_tokens": None, "by_difficulty": {"inf": {"pass@1": 1}, "2": 3}}
            }
        },
        {
            "arms": {
                "a": {
                    "pass@1": 0.5,
                    "advantage": {"difficulty": "lead", "difficulty_slope": 1e308, "difficulty_low": {}},
                }
            }
        },
        {
            "arms": {"a": {"pass@1": 0.5}},
            "paired": [3, {"a": "a"}, {"a": "a", "b": "a", "difference": 1, "metric": []}],
        },
        {
            "arms": {"b": {"pass@1": 0.5, "mean_tokens": 3}},
            "seed": "x",
            "seconds": [],
            "versions": {"<u>": ["<i>"]},
            "name": ["<i>"],
        },
        {
            "arms": {"a": {"pass@1": 0.5, "n_problems": -3, "truncated": 7}},
            "paired": {"a": 1},
            "seconds": 1e300,
        },
    ],
)
def test_odd_summaries_still_give_a_page(tmp_path: Path, summary: dict[str, Any]) -> None:
    root = write_run(
        tmp_path / "run", summary, [{"arm": "a", "stage": "rl", "step": 1, "reward": "much", "pass@1": [1]}]
    )
    page = build_report([root], tmp_path / "r.html").read_text("utf-8")
    assert not [tag for tag, _ in Page(page).elements if tag == "u"]
    assert not re.search(r"\bnan\b|Infinity", Page(page).text)


def test_a_run_under_way_gives_a_page_that_says_so(tmp_path: Path) -> None:
    root = make_run(tmp_path / "run", problems=10, steps=30, finished=False)
    text = Page(build_report([root], tmp_path / "r.html").read_text("utf-8")).text
    assert "no final evaluation yet" in text
    assert re.search(
        r"lead\s+has reached step 30 of its rl stage: [\d.]+% of that step's answers are right, 2\d\.\d tokens",
        text,
    )
    empty = write_run(tmp_path / "fresh", None)
    assert (
        "Nothing has been recorded so far."
        in Page(build_report([empty], tmp_path / "e.html").read_text("utf-8")).text
    )


# --- the story ---

GRPO = {
    "pass@1": 0.861,
    "pass@1_ci": [0.84, 0.88],
    "mean_tokens": 45.1,
    "advantage": AdvantageConfig.grpo().model_dump(),
}
LEAD = {
    "pass@1": 0.865,
    "pass@1_ci": [0.85, 0.88],
    "mean_tokens": 28.0,
    "advantage": AdvantageConfig.lead().model_dump(),
}


def told(tmp_path: Path, *paired: dict[str, Any]) -> story.Story:
    summary = results(grpo=GRPO, lead=LEAD) | {"paired": [{"a": "grpo", "b": "lead"} | p for p in paired]}
    return story.tell(gather([write_run(tmp_path / "run", summary)])[0])


def accuracy(difference: float, *ci: float) -> dict[str, Any]:
    return {"metric": "pass@1", "difference": difference} | ({"ci": list(ci)} if ci else {})


def length(difference: float, *ci: float) -> dict[str, Any]:
    return {"metric": "mean_tokens", "difference": difference} | ({"ci": list(ci)} if ci else {})


@pytest.mark.parametrize(
    ("paired", "headline"),
    [
        ([length(-17.1, -18.5, -15.7), accuracy(0.004, -0.011, 0.019)],
         "lead answers with 38% fewer tokens than grpo; in accuracy the two cannot be told apart."),
        ([length(-17.1, -18.5, -15.7), accuracy(0.031, 0.011, 0.05)],
         "lead answers with 38% fewer tokens than grpo and solves 3.1 points more."),
        ([length(-17.1, -18.5, -15.7), accuracy(-0.031, -0.05, -0.011)],
         "lead answers with 38% fewer tokens than grpo and solves 3.1 points fewer."),
        ([length(9.02, 3.0, 15.0)], "lead answers with 20% more tokens than grpo."),
        ([length(-1.0, -3.0, 1.0), accuracy(0.004, -0.011, 0.019)],
         "No difference between lead and grpo can be told on these problems."),
        ([length(-1.0, -3.0, 1.0), accuracy(-0.02, -0.03, -0.01)], "lead solves 2.0 points fewer than grpo."),
        ([length(-17.1), accuracy(0.2)], "No difference between lead and grpo can be told on these problems."),
        ([], "lead solves 86.5% of its attempts."),
        ([accuracy(0.004, 0.0, 0.019)], "No difference between lead and grpo can be told on these problems."),
    ],
)  # fmt: skip
def test_the_headline_claims_what_the_intervals_carry(
    tmp_path: Path, paired: list[dict], headline: str
) -> None:
    assert bare_text(told(tmp_path, *paired).headline) == headline


def test_the_sentences_name_numbers_intervals_and_zero(tmp_path: Path) -> None:
    made = told(tmp_path, length(-17.1, -18.5, -15.7), accuracy(0.004, -0.011, 0.019))
    assert [bare_text(s) for s in made.sentences] == [
        "Measured: grpo at 86.1% [84.0, 88.0] and lead at 86.5% [85.0, 88.0] (pass@1 with 95% intervals).",
        "Against grpo, lead uses 38% fewer tokens (45.1 → 28.0, difference −17.1 [−18.5, −15.7]); pass@1 changes by "
        "+0.4 points [−1.1, +1.9], an interval that includes zero: this is no evidence of a difference.",
    ]
    assert "trained once (seed 3)" in bare_text(made.caveats[0])
    assert len(made.caveats) == 1


@pytest.mark.parametrize(
    ("accuracy_push", "length_push", "warned"), [(-0.35, 0.8, True), (-0.35, 0.1, False), (0.2, 0.8, False)]
)
def test_a_length_term_that_outweighs_accuracy_is_named(
    tmp_path: Path, accuracy_push: float, length_push: float, warned: bool
) -> None:
    make_run(tmp_path / "run")
    with RunWriter(tmp_path / "run", resume=True) as writer:
        writer.truncate_metrics(0)
        for step in range(1, 31):
            noise = 0.1 * (-1) ** step
            parts = (accuracy_push + noise, 0.03, length_push - 0.03 - noise)
            names = ("drift_accuracy", "drift_length_mixed", "drift_length_unanimous")
            row = dict(zip(names, parts if step % 3 else (None,) * 3, strict=True))
            writer.metric({"arm": "lead", "stage": "rl", "step": step, **row})
    caveats = [bare_text(said) for said in story.tell(gather([tmp_path / "run"])[0]).caveats]
    found = [said for said in caveats if "outweighs accuracy" in said]
    assert bool(found) == warned
    if warned:
        assert found[0].startswith("The length term of lead outweighs accuracy: over the last 10 steps")
        assert "(-0.35)" in found[0]
        assert "(+0.80)" in found[0]


def test_without_pairs_no_difference_is_claimed(tmp_path: Path) -> None:
    made = told(tmp_path)
    assert not [s for s in made.sentences if "fewer" in bare_text(s) or "rises" in bare_text(s)]
    assert "No paired differences were recorded" in bare_text(made.caveats[1])


def test_two_trained_arms_come_before_what_they_started_from(tmp_path: Path) -> None:
    summary = results(sft={"pass@1": 0.5, "mean_tokens": 40}, grpo=GRPO, lead=LEAD)
    summary["paired"] = [
        {"a": "sft", "b": "grpo"} | accuracy(0.3, 0.2, 0.4),
        {"a": "grpo", "b": "lead"} | length(-17, -18, -16),
    ]
    made = story.tell(gather([write_run(tmp_path / "run", summary)])[0])
    assert bare_text(made.headline) == "lead answers with 38% fewer tokens than grpo."
    assert bare_text(made.sentences[2]) == "Against sft, grpo pass@1 rises by +30.0 points [+20.0, +40.0]."


def test_seeds_are_the_unit_when_runs_repeat_one_experiment(tmp_path: Path) -> None:
    before, after = [45.0, 47.0, 44.0, 46.5], [28.0, 31.0, 27.5, 30.0]
    roots = []
    for seed, (a, b) in enumerate(zip(before, after, strict=True)):
        summary = results(
            grpo=GRPO | {"mean_tokens": a}, lead=LEAD | {"mean_tokens": b, "pass@1": 0.86 + 0.001 * seed}
        )
        roots.append(write_run(tmp_path / f"s{seed}", summary | {"seed": seed}))
    made = story.across_seeds(gather(roots))
    assert made is not None
    t = scipy_stats.ttest_rel(after, before).confidence_interval(0.95)
    assert f"difference −16.5 [−{-t.low:.1f}, −{-t.high:.1f}]" in bare_text(made.sentences[0])
    assert "(45.6 → 29.1," in bare_text(made.sentences[0])
    assert bare_text(made.headline).startswith("Over 4 seeds: lead answers with 36% fewer tokens than grpo")
    page = Page(build_report(roots, tmp_path / "r.html").read_text("utf-8"))
    assert "Over 4 seeds" in page.text
    assert story.across_seeds(gather(roots[:2])) is None
    twin = write_run(tmp_path / "twin", results(grpo=GRPO, lead=LEAD) | {"seed": 0})
    assert story.across_seeds(gather([*roots, twin])) is None
    other = write_run(
        tmp_path / "other", results(grpo=GRPO, lead=LEAD | {"advantage": {"wrong": 0}}) | {"seed": 9}
    )
    assert story.across_seeds(gather([*roots, other])) is None


# --- tables ---


def test_the_table_shows_every_metric_with_its_interval(run: Path) -> None:
    table = tables.results_table(gather([run]))
    assert table is not None
    assert list(table.columns) == [
        "arm",
        "pass@1",
        "pass@8",
        "cons@8",
        "tokens",
        "tokens, correct",
        "cut off",
        "no answer",
        "reflection",
    ]
    summary = json.loads((run / "summary.json").read_text())["arms"]["lead"]
    row = next(row for row in table.rows if row[0].text == "lead")
    assert row[1].text == f"{summary['pass@1']:.1%}"
    lo, hi = summary["pass@1_ci"]
    assert row[1].note == f"[{100 * lo:.1f}, {100 * hi:.1f}]"
    assert row[4].text == f"{summary['mean_tokens']:.1f}"
    assert row[0].note == "48 problems × 8"


def test_differences_that_include_zero_are_marked(tmp_path: Path) -> None:
    summary = results(grpo=GRPO, lead=LEAD)
    summary["paired"] = [
        {"a": "grpo", "b": "lead"} | d for d in (length(-17, -18, -16), accuracy(0.004, -0.011, 0.019))
    ]
    table = tables.differences_table(gather([write_run(tmp_path / "run", summary)]))
    assert table is not None
    tokens, solved = table.rows[0][2:]
    assert (tokens.text, tokens.note, tokens.open) == ("−17.0", "[−18.0, −16.0]", False)
    assert (solved.text, solved.note, solved.open) == ("+0.4 points", "[−1.1, +1.9] includes zero", True)


def test_extra_sections_take_sentences_tables_and_flat_values() -> None:
    content = {
        "sentences": ["Deep enough.", 3, "x" * 2000],
        "tables": [{"title": "T", "columns": ["k"], "rows": [[1, 2], ["<b>", None]]}, "rubbish", {"rows": 3}],
        "slope": 0.9731, "slope_ci": [0.9, 1.0], "ok": True, "deep": {"not": "shown"},
        "worst": [{"id": "p1", "q": 1e-9}, {"id": "p2", "q": None}],
        "mixed": [1, {"id": 2}],
    }  # fmt: skip
    made = section("probe", "base", "demo", content)
    assert made.title == "Before training: probe of base"
    assert [len(s) for s in made.sentences] == [12, 1001]
    assert [[c.text for c in row] for row in made.tables[0].rows] == [["1", "2"], ["<b>", "–"]]
    assert list(made.tables[0].columns) == ["k", ""]
    assert [[c.text for c in row] for row in made.tables[1].rows] == [
        ["slope", "0.9731"],
        ["slope_ci", "[0.9, 1]"],
        ["ok", "yes"],
    ]
    assert [[c.text for c in row] for row in made.tables[2].rows] == [["p1", "1e-09"], ["p2", "–"]]
    assert len(made.tables) == 3
    assert len(section("compare", "a", "", {"tables": [{"rows": [[1]] * 500}]}).tables[0].rows) == MAX_ROWS


def test_a_finding_keeps_its_charts_on_its_way_into_the_report(tmp_path: Path) -> None:
    curves = {"base": [Point(1, 0.4, 0.3, 0.5), Point(8, 0.9, 0.8, 1.0)], "tuned": [Point(1, 0.6, 0.5, 0.7)]}
    chart = Chart("pass@k before and after", "k", curves, log_x=True)
    shown = Finding(
        "After training", "sharpened", ("Better.",), (), (chart, Chart("Lengths", "step", {"a": []}))
    )
    with RunWriter(tmp_path / "demo") as writer:
        writer.section("compare", "lead", shown.section())
    content = RunReader(tmp_path / "demo").sections("compare")["lead"]
    [panel] = section("compare", "lead", "demo", content).panels
    assert (panel.title, panel.x_title, panel.x_kind, panel.y_kind) == (
        "pass@k before and after",
        "k",
        "log",
        "share",
    )
    base, tuned = panel.lines
    assert (base.name, base.x, base.y, base.low, base.high) == (
        "base",
        [1, 8],
        [0.4, 0.9],
        [0.3, 0.8],
        [0.5, 1.0],
    )
    assert (tuned.name, tuned.x, tuned.y) == ("tuned", [1], [0.6])


# --- figures ---


def test_weight_curves_are_those_of_the_theory(run: Path) -> None:
    factor, parts = figures.weights(gather([run]))
    by_name = {line.name: line for line in (*factor.lines, *parts.lines)}
    at = {0: 0, 25: 2, 50: 4, 75: 6, 100: 8}  # rho in percent -> eighths, as theory.md section 7 tabulates
    table = {
        "lead: correct answers": [1.499, 1.493, 1.417, 0.950, 0.483],
        "lead: wrong answers": [0.483, 0.950, 1.417, 1.493, 1.499],
        "lead: scale m": [1.499, 1.357, 1.417, 1.357, 1.499],
        "lead: shift b": [0.0, 0.235, 0.0, -0.235, 0.0],
        "grpo: correct answers": [1.0] * 5,
        "grpo: shift b": [0.0] * 5,
    }
    for name, expected in table.items():
        assert [by_name[name].y[i] for i in at] == pytest.approx(expected, abs=6e-4), name


@pytest.mark.parametrize(
    ("mode", "right", "wrong", "scale", "shift"),
    [
        ("scale_only", 1.357, 1.357, 1.357, 0.0),
        ("shift_only", None, None, 1.0, 0.235),
        ("unheard-of", None, None, None, None),
    ],
)
def test_weight_curves_of_the_ablations(
    tmp_path: Path, mode: str, right: Any, wrong: Any, scale: Any, shift: Any
) -> None:
    root = write_run(tmp_path / "run", results(a={"pass@1": 0.5, "advantage": {"difficulty": mode}}))
    drawn = {line.name: line.y[25] for panel in figures.weights(gather([root])) for line in panel.lines}
    expected = {
        "a: correct answers": right,
        "a: wrong answers": wrong,
        "a: scale m": scale,
        "a: shift b": shift,
    }
    assert drawn == {k: pytest.approx(v, abs=6e-4) for k, v in expected.items() if v is not None}


def test_curves_overlay_the_arms_with_validation_points(run: Path) -> None:
    panels = {panel.id: panel for panel in figures.curves(gather([run]))}
    assert list(panels) == ["accuracy", "length", "reward", "live"]
    roles = Counter((line.arm, line.role) for line in panels["accuracy"].lines)
    assert roles == {(arm, role): 1 for arm in ("r0a2", "r0a3") for role in ("faint", "line", "points")}
    raw = next(line for line in panels["reward"].lines if line.role == "faint")
    rows = [
        row for _, row in read_jsonl(run / "metrics.jsonl") if row["arm"] == "grpo" and row["stage"] == "rl"
    ]
    assert raw.y == pytest.approx([row["reward"] for row in rows], rel=1e-4)
    assert Counter(line.role for line in panels["live"].lines)["dotted"] == 2
    more = {panel.title: panel for panel in figures.more_curves(gather([run]))}
    assert "Supervised loss" in more
    assert "Format reward" not in more  # constant
    assert (
        None in next(line for line in more["Policy loss"].lines if line.role == "faint").y
    )  # NaN at step 17


def test_difficulty_follows_the_summary(run: Path) -> None:
    solved, _ = figures.difficulty(gather([run]))
    lead = next(line for line in solved.lines if line.arm == "r0a3")
    levels = json.loads((run / "summary.json").read_text())["arms"]["lead"]["by_difficulty"]
    assert lead.x == [1, 2, 3, 4, 5, 6]
    assert lead.y == pytest.approx([levels[str(k)]["pass@1"] for k in range(1, 7)], rel=1e-4)
    assert lead.low == pytest.approx([levels[str(k)]["pass@1_ci"][0] for k in range(1, 7)], rel=1e-4)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), max_size=40), st.integers(1, 9))
def test_running_means_agree_with_numpy(values: list[float | None], window: int) -> None:
    half = window // 2
    array = np.array([np.nan if v is None else v for v in values])
    for i, mean in enumerate(running_mean(values, window)):
        near = array[max(0, i - half) : i + half + 1]
        near = near[~np.isnan(near)]
        assert mean is None if near.size == 0 else mean == pytest.approx(near.mean(), abs=1e-6)


def test_long_series_are_averaged_not_dropped() -> None:
    x, y = list(map(float, range(4000))), [float(i % 7) if i % 5 else None for i in range(4000)]
    xs, ys = thinned(x, y)
    assert len(xs) == 400
    assert xs[0] == pytest.approx(4.5)
    assert np.mean([v for v in ys if v is not None]) == pytest.approx(
        np.mean([v for v in y if v is not None]), abs=0.01
    )
    assert thinned(x[:10], y[:10]) == (x[:10], y[:10])


def test_colours_belong_to_names_and_stand_out_from_their_paper() -> None:
    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for paper, colours in ((palette.LIGHT_PAPER, palette.LIGHT), (palette.DARK_PAPER, palette.DARK)):
        for colour in colours:
            light, dark = sorted((luminance(paper), luminance(colour)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5  # arms' names are text in these colours
        assert len(set(colours)) == len(colours)
    names = [["base", "sft", "grpo", "lead", "x", "y"], ["lead", "x"]]
    first, second = palette.colour_slots(names, ["a", "b"])
    assert second == [first[3], first[4]]
    assert len(set(first)) == 6


# --- completions ---


def test_every_arm_step_and_verdict_is_represented(run: Path) -> None:
    shelf = completions.pick(gather([run]))
    shown = completions.embed(shelf, 300_000)["rows"]
    present = {(arm, name, code) for (arm, name, code), heap in shelf.strata.items() if heap}
    assert {(row["a"], row["s"], row["c"]) for row in shown} == present
    assert {name for _, name, _ in present} == {"step-000020", "step-000040", "step-000060", "eval"}
    assert {code for _, _, code in present} == {0, 1, 2}
    assert shelf.drawn.total() == 4 * 48 * 8 + 2 * 3 * 24 * 8


@pytest.mark.parametrize("budget", [0, 3_000, 50_000])
def test_the_budget_holds(run: Path, budget: int) -> None:
    data = completions.embed(completions.pick(gather([run])), budget)
    size = len(completions.script_json(data["rows"]).encode()) + len(
        completions.script_json(data["prompts"]).encode()
    )
    assert size <= budget + 4
    assert bool(data["rows"]) == (budget > 0)


def test_solve_rates_count_groups_not_rows(tmp_path: Path) -> None:
    root = make_run(
        tmp_path / "run",
        arms=(Arm("a", (0.5, 0.5), (30.0, 30.0), AdvantageConfig.grpo()),),
        steps=20,
        hostile=False,
    )
    with RunWriter(root, resume=True) as writer:
        verdicts = {"p": [1, 0, 0, 0], "q": [1, 1, 1, 1], "r": [1, 0, None, None], "s": [None]}
        rows = [
            {"problem_id": p, "completion": "", "correct": None if v is None else bool(v)}
            for p, vs in verdicts.items()
            for v in vs
        ]
        writer.samples("a", "step-000020", rows)
    runs = gather([root])
    panel = figures.solve_rates(completions.pick(runs).solve_rates, runs)
    assert panel is not None
    assert panel.lines[0].y == pytest.approx([0, 0, 1 / 3, 0, 0, 1 / 3, 0, 0, 0, 1 / 3], abs=1e-4)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"correct": True, "finished": True}, "correct"),
        ({"correct": False, "finished": True, "reason": "mismatch"}, "wrong"),
        ({"correct": False, "finished": False, "reason": "truncated"}, "cut off"),
        ({"correct": True, "finished": False}, "cut off"),
        ({"correct": False, "finished": True, "reason": "no_answer"}, "no answer"),
        ({"correct": None, "finished": True, "reason": "unparsable_gold"}, "unscorable"),
        ({}, "unscorable"),
        ({"correct": "yes"}, "wrong"),
    ],
)
def test_verdicts(row: dict[str, Any], verdict: str) -> None:
    assert completions.VERDICT_ORDER[completions._verdict(row)] == verdict


spans = st.lists(
    st.tuples(
        st.integers(-3, 60), st.integers(-3, 60), st.sampled_from([*completions.BEHAVIOUR_ORDER, "other"])
    )
)


@given(st.text(max_size=50), spans)
def test_pieces_join_to_the_text_and_mark_exactly_the_spans(
    text: str, spans: list[tuple[int, int, str]]
) -> None:
    cut = completions.pieces(text, [list(span) for span in spans])
    assert "".join(p if isinstance(p, str) else p[0] for p in cut) == text
    expected = [set() for _ in text]
    for start, end, kind in spans:
        if 0 <= start < end <= len(text):
            for i in range(start, end):
                expected[i].add([*completions.BEHAVIOUR_ORDER, "other"].index(kind))
    marked = itertools.chain.from_iterable(
        [set() if isinstance(p, str) else set(p[1])] * len(p if isinstance(p, str) else p[0]) for p in cut
    )
    assert list(marked) == expected


def test_long_texts_keep_both_ends_and_their_marks() -> None:
    text = "check " + "a" * 10_000 + " verify"
    cut = completions._marked(
        text, [[0, 5, "verification"], [len(text) - 6, len(text), "verification"], [5000, 5001, "backward"]]
    )
    assert cut[0] == ["check", [0]]
    assert cut[-1] == ["verify", [0]]
    assert [p for p in cut if isinstance(p, list) and p[1] == "cut"] == [
        [f"{len(text) - 5500:,} characters left out", "cut"]
    ]
    assert (
        sum(len(p if isinstance(p, str) else p[0]) for p in cut if isinstance(p, str) or p[1] != "cut")
        == 5500
    )


def test_many_steps_are_thinned_evenly() -> None:
    names = [f"step-{i:06d}" for i in range(1, 101)] + ["eval"]
    kept = completions._spread(names)
    assert len(kept) == completions.MAX_FILES + 1
    assert (kept[0], kept[-2], kept[-1]) == ("step-000001", "step-000100", "eval")


def test_arms_of_the_fixture_are_those_of_the_demo() -> None:
    assert [arm.name for arm in ARMS] == ["base", "sft", "grpo", "lead"]
