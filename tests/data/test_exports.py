"""Samples and results in the forms of others, read back by the others' own readers where they are installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from leadline.data.samples.exports import EXPORTS, About, export_samples
from leadline.data.samples.exports.model_card import BEGIN, END
from leadline.data.samples.sources import load_counts
from leadline.errors import DataError, InputError
from leadline.storage.jsonl import write_jsonl

ABOUT = About(
    "tiny", "openai/gsm8k", "main", notes="temperature 1, 16 tokens", date="2026-01-31T12:00:00+00:00"
)


def sample(name: str, text: str, correct: bool | None, **more: Any) -> dict[str, Any]:
    row = {"problem_id": name, "prompt": f"{name}?", "completion": text, "gold": "7", "n_tokens": 3}
    verdict = {"correct": correct, "reason": "match" if correct else "mismatch", "answer": text}
    return row | verdict | {"parts": {"format": 0.5}, "spans": [[0, 1, "checks"]]} | more


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    rows = [
        sample("a", "7", True),
        sample("a", "8", False, finished=False),
        sample("b", "7", True, logprob=-1.5),
        sample("b", "7.0 \u2603 </script>", True),
        sample("c", "x", None, reason="unparsable_gold"),
        sample("c", "9", False, difficulty=2.0),
    ]
    write_jsonl(tmp_path / "samples.jsonl", rows)
    return tmp_path / "samples.jsonl"


def test_inspect_log_is_read_back_with_the_same_counts(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "log.json"
    export_samples([samples], "inspect", out, about=ABOUT)
    log = json.loads(out.read_text())
    assert log["eval"]["config"]["epochs"] == 2
    assert log["results"]["scores"][0]["metrics"]["accuracy"]["value"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert [row["epoch"] for row in log["samples"]] == [1, 2, 1, 2, 1, 2]
    assert "scores" not in log["samples"][4]  # its reference answer cannot be used: no verdict is invented
    scored = [row for row in log["samples"] if "scores" in row]
    back = tmp_path / "back.json"
    back.write_text(json.dumps(log | {"samples": scored}))
    counts = load_counts(back)
    assert dict(zip(counts.ids, counts.c.tolist(), strict=True)) == {"a": 1, "b": 2, "c": 0}
    assert counts.truncated.tolist() == [1, 0, 0]


@pytest.mark.skipif(importlib.util.find_spec("inspect_ai") is None, reason="inspect_ai is not installed")
def test_inspect_reads_the_log(samples: Path, tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log

    export_samples([samples], "inspect", tmp_path / "log.json", about=ABOUT)
    log = read_eval_log(str(tmp_path / "log.json"))
    assert log.status == "success"
    assert log.eval.model == "tiny"
    assert log.eval.dataset.sample_ids == ["a", "b", "c"]
    assert [one.scores["leadline"].value for one in log.samples[:4]] == ["C", "I", "C", "C"]
    assert log.samples[1].output.choices[0].stop_reason == "max_tokens"


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="datasets is not installed")
def test_dataset_folder_is_loaded_by_datasets(samples: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    out = tmp_path / "set"
    export_samples([samples], "dataset", out, about=ABOUT)
    rows = load_dataset(str(out), split="samples", cache_dir=str(tmp_path / "cache"))
    assert rows["problem_id"][:] == ["a", "a", "b", "b", "c", "c"]
    assert rows["correct"][:] == [True, False, True, True, None, False]
    assert rows["part_format"][:] == [0.5] * 6
    card = (out / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["configs"][0]["data_files"] == [{"split": "samples", "path": "samples.jsonl"}]
    assert "| model | tiny |" in card
    assert "| pass@1 | 50.0%" in card


def test_dataset_folder_of_somebody_else_is_refused(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    out.mkdir()
    (out / "README.md").write_text("# A thesis\n")
    with pytest.raises(InputError, match=r"README\.md"):
        export_samples([samples], "dataset", out, about=ABOUT)
    assert sorted(p.name for p in out.iterdir()) == ["README.md"]


def test_eval_results_are_what_the_hub_reads(samples: Path, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    out = tmp_path / "gsm8k.yaml"
    export_samples([samples], "eval-results", out, about=ABOUT)
    (entry,) = hub.parse_eval_result_entries(yaml.safe_load(out.read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("openai/gsm8k", "main", 50.0)
    assert entry.date == ABOUT.date
    assert "95% interval" in entry.notes
    assert "3 problems, 6 samples" in entry.notes
    export_samples([samples], "eval-results", out, about=ABOUT)  # its own file may be replaced


def test_eval_results_want_a_benchmark(samples: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--benchmark"):
        export_samples([samples], "eval-results", tmp_path / "x.yaml", about=About("tiny"))
    assert not (tmp_path / "x.yaml").exists()


def test_the_card_keeps_all_but_its_section(samples: Path, tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: mit\n---\n# My model\n\nWords.\n")
    export_samples([samples], "model-card", card, about=ABOUT)
    first = card.read_text()
    assert first.startswith("---\nlicense: mit\n---\n# My model\n\nWords.\n\n" + BEGIN)
    card.write_text(first + "\nMore words.\n")
    export_samples([samples], "model-card", card, about=About("tiny", "owner/other", date=ABOUT.date))
    second = card.read_text()
    assert second.count(BEGIN) == second.count(END) == 1
    assert second.endswith(END + "\n\nMore words.\n")
    assert "owner/other" in second
    assert "openai/gsm8k" not in second


@pytest.mark.parametrize("text", [BEGIN, END, END + BEGIN, BEGIN + BEGIN + END])
def test_a_card_with_broken_marks_is_left_alone(samples: Path, tmp_path: Path, text: str) -> None:
    card = tmp_path / "README.md"
    card.write_text(text)
    with pytest.raises(InputError, match="marks"):
        export_samples([samples], "model-card", card, about=ABOUT)
    assert card.read_text() == text


@pytest.mark.parametrize("to", ["inspect", "dataset"])
def test_counts_without_texts_cannot_become_samples(tmp_path: Path, to: str) -> None:
    write_jsonl(tmp_path / "counts.jsonl", [{"problem_id": "a", "n_correct": 1, "n_samples": 4}])
    with pytest.raises(DataError, match="4 of 4 samples have no text"):
        export_samples([tmp_path / "counts.jsonl"], to, tmp_path / "out", about=ABOUT)
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["counts.jsonl"]


@pytest.mark.parametrize("to", sorted(EXPORTS))
def test_a_bad_row_leaves_nothing_behind(samples: Path, tmp_path: Path, to: str) -> None:
    samples.write_text(samples.read_text() + '{"problem_id": 1.5}\n')
    with pytest.raises(DataError, match=r"samples\.jsonl:7"):
        export_samples([samples], to, tmp_path / "out", about=ABOUT)
    assert [p.name for p in tmp_path.rglob("*")] == ["samples.jsonl"]


@pytest.mark.parametrize(
    "wrong", [{"benchmark": "gsm8k"}, {"date": "yesterday"}, {"date": "2026-01-31T12:00:00"}]
)
def test_what_is_said_about_them_is_checked(wrong: dict[str, str]) -> None:
    with pytest.raises(InputError, match=f"--{next(iter(wrong))}"):
        About(**wrong)


ODD = [  # as they come in rows that can be counted -> n_tokens, finished and correct as they are written
    ({"correct": 1, "n_tokens": 12, "finished": True}, (12, True, True)),
    ({"correct": 0.0, "n_tokens": 12.0, "finished": False}, (12, False, False)),
    ({"correct": True, "n_tokens": None, "finished": None}, (None, None, True)),
    ({"correct": None}, (None, None, None)),
    ({"correct": False, "n_tokens": 12.5, "logprob": "x", "difficulty": "hard"}, (None, None, False)),
    (
        {
            "correct": True,
            "gold": 7,
            "answer": 7.0,
            "prompt": [{"role": "user", "content": "?"}],
            "parts": [],
        },
        (None, None, True),
    ),
    ({"correct": True, "reason": 3, "spans": "x", "parts": {"format": "x"}, "gold": {}}, (None, None, True)),
]


def test_whatever_can_be_counted_can_be_exported(tmp_path: Path) -> None:
    rows = [{"problem_id": at, "completion": f"text {at}"} | row for at, (row, _) in enumerate(ODD)]
    write_jsonl(tmp_path / "odd.jsonl", rows)
    counted = load_counts(tmp_path / "odd.jsonl")
    assert counted.n_samples == len(ODD)
    export_samples([tmp_path / "odd.jsonl"], "dataset", tmp_path / "set", about=ABOUT)
    written = [json.loads(line) for line in (tmp_path / "set/samples.jsonl").read_text().splitlines()]
    assert [(row["n_tokens"], row["finished"], row["correct"]) for row in written] == [
        said for _, said in ODD
    ]
    assert (written[5]["gold"], written[5]["answer"], written[5]["prompt"]) == ("7", "7", "?")
    export_samples([tmp_path / "odd.jsonl"], "inspect", tmp_path / "log.json", about=ABOUT)
    log = json.loads((tmp_path / "log.json").read_text())
    stops = [row["output"]["choices"][0]["stop_reason"] for row in log["samples"]]
    assert stops == ["stop", "max_tokens", *["unknown"] * 5]
    assert ["usage" in row["output"] for row in log["samples"]] == [True, True, *[False] * 5]
    back = load_counts(tmp_path / "log.json", golds={"3": "1"})
    assert (back.stated["finished"], back.truncated.tolist()) == (2, counted.truncated.tolist())
