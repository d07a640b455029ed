"""The command line as a user meets it: real processes, exit codes, one-line refusals, nothing written on bad input."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from command import Done, call, refused
from leadline.storage.run_directory import RunReader, RunWriter
from tiny import TINY_RECIPE

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def leadline() -> Run:
    return call


@pytest.fixture(scope="module")
def finished(leadline: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny recipe."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "tiny.yaml").write_text(TINY_RECIPE)
    done = leadline("run", folder / "tiny.yaml", "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


class TestRun:
    def test_leaves_everything_that_the_formats_promise(self, finished: Path) -> None:
        summary = json.loads((finished / "summary.json").read_text())
        assert list(summary["arms"]) == ["base", "sft", "grpo", "lead"]
        for values in summary["arms"].values():
            assert values["n_problems"] == 8
            assert values["n_samples"] == 32
            low, high = values["pass@1_ci"]
            assert low <= values["pass@1"] <= high
            assert {"pass@4", "cons@4", "mean_tokens"} <= values.keys()
        assert summary["seconds"] > 0
        assert summary["versions"]["torch"]
        assert summary["arms"]["lead"]["advantage"]["difficulty"] == "lead"
        for name in ("recipe.yaml", "environment.json", "metrics.jsonl", "report.html", "probe-sft.json"):
            assert (finished / name).is_file(), name
        titles = {
            name: [c["title"] for c in json.loads((finished / f"{name}.json").read_text())["charts"]]
            for name in ("probe-sft", "compare-lead")
        }
        assert titles == {
            "probe-sft": ["pass@k of the base model", "Share of live groups"],
            "compare-lead": ["pass@k before and after"],
        }
        page = (finished / "report.html").read_text()
        assert all(f'"title":"{title}"' in page for some in titles.values() for title in some)
        steps = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in steps if row["arm"] == "lead" and row["stage"] == "rl"] == [1, 2, 3, 4]
        assert (finished / "checkpoints/lead/best/model.safetensors").is_file()

    def test_arms_start_from_the_same_model_and_see_the_same_problems(self, finished: Path) -> None:
        prompts = [
            [row["prompt"] for row in RunReader(finished).samples(arm, "step-000001")]
            for arm in ("grpo", "lead")
        ]
        assert prompts[0] == prompts[1]

    def test_a_second_run_into_the_same_folder_is_refused_and_changes_nothing(
        self, leadline: Run, finished: Path
    ) -> None:
        before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
        refused(leadline("run", finished.parent / "tiny.yaml", "--out", finished), "already holds a run")
        assert before == {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}

    def test_resume_of_another_recipe_names_what_differs(self, leadline: Run, finished: Path) -> None:
        recipe = finished.parent / "tiny.yaml"
        done = leadline(
            "run", recipe, "--out", finished, "--resume", "--set", "rl.steps=5", "--set", "seed=3"
        )
        refused(done, "rl.steps differs", "seed differs")

    def test_resume_of_a_finished_run_gives_the_same_result(self, leadline: Run, finished: Path) -> None:
        before = json.loads((finished / "summary.json").read_text())
        metrics = (finished / "metrics.jsonl").read_bytes()
        done = leadline("run", finished.parent / "tiny.yaml", "--out", finished, "--resume")
        assert done.returncode == 0, done.stderr
        assert (
            json.loads((finished / "summary.json").read_text()) == before
        )  # its seconds, too: nothing was done
        assert (finished / "metrics.jsonl").read_bytes() == metrics

    def test_a_run_killed_before_its_recipe_was_written_goes_on(
        self, leadline: Run, finished: Path, tmp_path: Path
    ) -> None:
        with RunWriter(tmp_path / "run"):
            pass
        small = ["--set", "rl.steps=0", "--set", "sft.steps=1"]
        done = leadline("run", finished.parent / "tiny.yaml", "--out", tmp_path / "run", "--resume", *small)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "run/summary.json").is_file()

    def test_from_the_saved_directory_with_lora(self, leadline: Run, finished: Path, tmp_path: Path) -> None:
        model = finished / "checkpoints/sft/step-000004"
        done = leadline("run", finished.parent / "tiny.yaml", "--model", model, "--out", tmp_path / "run",
                        "--set", "sft.method=lora", "--set", "sft.lora={rank: 2}")  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "run/checkpoints/sft/merged/model.safetensors").is_file()
        assert list((tmp_path / "run/checkpoints/sft").glob("step-*/adapter_model.safetensors"))

    def test_dry_run_writes_nothing(self, leadline: Run, tmp_path: Path) -> None:
        done = leadline("run", "quickstart", "--dry-run", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "sft" in done.stdout
        assert "memory" in done.stdout
        assert not list(tmp_path.iterdir())


class TestRefusals:
    def test_every_fault_of_a_recipe_at_once(self, leadline: Run, tmp_path: Path) -> None:
        (tmp_path / "bad.yaml").write_text(
            "rl: {steps: many, grup: 3}\narms: {lead: {advantage: leed}, mine: {los: {}}}\nseed: -1\n"
        )
        done = leadline("run", "bad.yaml", cwd=tmp_path)
        refused(
            done,
            "rl.steps: ",
            "rl.grup: unknown key; there are steps, prompts, group_size",
            "arms.lead.advantage: preset 'leed'",
            "arms.mine.los: unknown key; there are advantage, loss, rewards",
            "seed: ",
        )
        assert [p.name for p in tmp_path.iterdir()] == ["bad.yaml"]

    @pytest.mark.parametrize(
        ("arguments", "phrase"),
        [
            (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
            (["run", "nosuch"], "no such recipe"),
            (["run", "quickstart", "--set", "rl.steps"], "--set rl.steps"),
            (["run", "quickstart", "--model", "nowhere"], "nowhere: no such directory"),
            (["run", "quickstart", "--data", "nowhere.jsonl"], "nowhere.jsonl"),
            (["run", "quickstart", "--frobnicate"], "--frobnicate"),
            (["probe", "nowhere.jsonl"], "nowhere.jsonl"),
            (["compare", "a.jsonl", "b.jsonl"], "a.jsonl"),
            (["grade", "nowhere.jsonl"], "nowhere.jsonl"),
            (["report", "nowhere"], "nowhere"),
            (["sample", "nowhere", "1 + 1"], "nowhere: no such directory"),
            (["eval", "nowhere.jsonl", "--data", "nothing.jsonl"], "nothing.jsonl"),
            (["recipes", "show", "nosuch"], "no such recipe"),
        ],
    )
    def test_one_line_and_nothing_written(
        self, leadline: Run, tmp_path: Path, arguments: list[str], phrase: str
    ) -> None:
        refused(leadline(*arguments, cwd=tmp_path), phrase)
        assert not list(tmp_path.iterdir())

    def test_model_directories_that_cannot_be_used(
        self, leadline: Run, finished: Path, tmp_path: Path
    ) -> None:
        source = finished / "checkpoints/sft/step-000004"
        without = tmp_path / "without"
        shutil.copytree(source, without)
        (without / "model.safetensors").unlink()
        (without / "optimizer.safetensors").unlink()
        refused(leadline("run", "quickstart", "--model", without, cwd=tmp_path), "no weights")
        misfit = tmp_path / "misfit"
        shutil.copytree(source, misfit)
        config = json.loads((misfit / "config.json").read_text())
        (misfit / "config.json").write_text(json.dumps(config | {"vocab_size": 50}))
        refused(leadline("run", "quickstart", "--model", misfit, cwd=tmp_path), "config.json says")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["misfit", "without"]

    def test_problems_with_faults_are_all_named(self, leadline: Run, tmp_path: Path) -> None:
        (tmp_path / "p.jsonl").write_text('{"prompt": "1+1", "answer": "2"}\n{"prompt": "x"}\nnot json\n')
        refused(leadline("run", "quickstart", "--data", "p.jsonl", cwd=tmp_path), "p.jsonl:2", "p.jsonl:3")
        (tmp_path / "empty.jsonl").write_text("")
        refused(leadline("run", "quickstart", "--data", "empty.jsonl", cwd=tmp_path), "empty.jsonl")


class TestOtherCommands:
    def test_sample(self, leadline: Run, finished: Path) -> None:
        model = finished / "checkpoints/lead/step-000004"
        done = leadline("sample", model, "407: a+3 rev\\n", "-n", "2", "--max-tokens", "5")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) >= 2

    def test_probe_and_compare_read_arms_of_a_run(self, leadline: Run, finished: Path) -> None:
        done = leadline("probe", f"{finished}:sft", "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["n_problems"] == 8
        assert found["n_samples"] == 32
        assert {"pass_at_k", "live_groups", "bands", "recommended", "verdict", "sentences"} <= found.keys()
        done = leadline("compare", f"{finished}:sft", f"{finished}:lead", "--json")
        assert done.returncode == 0, done.stderr
        assert "verdict" in json.loads(done.stdout)

    def test_eval_of_a_model_with_the_local_engine_goes_on_where_it_was(
        self, leadline: Run, finished: Path, tmp_path: Path
    ) -> None:
        rows = [{"id": f"p{i}", "prompt": f"40{i}: a+1 rev\n", "answer": f"{i}05"} for i in range(5)]
        (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        model = finished / "checkpoints/lead/step-000004"
        command = ["eval", model, "--data", tmp_path / "p.jsonl", "--out", tmp_path / "out", "--max-tokens", "24",
                   "--temperature", "1", "--engine", "local"]  # fmt: skip
        first = leadline(*command, "--samples", "2")
        assert first.returncode == 0, first.stderr
        second = leadline(*command, "--samples", "4")
        assert second.returncode == 0, second.stderr
        metrics = json.loads((tmp_path / "out/metrics.json").read_text())["metrics"]
        assert metrics["n_samples"] == 20
        assert 0 <= metrics["pass@4"] <= 1

    def test_probe_of_a_model_forces_known_solutions(
        self, leadline: Run, finished: Path, tmp_path: Path
    ) -> None:
        row = {"id": "p", "prompt": "404: a+1\n", "answer": "504", "solution": " a+1=504"}
        (tmp_path / "p.jsonl").write_text(json.dumps(row) + "\n")
        model = finished / "checkpoints/lead/step-000004"
        done = leadline("probe", model, "--data", tmp_path / "p.jsonl", "--samples", "8", "--max-tokens", "16",
                        "--out", tmp_path / "out", "--json")  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["n_samples"] == 8

    def test_probe_asks_a_model_as_eval_does(self, leadline: Run, finished: Path, tmp_path: Path) -> None:
        row = {"key": "p", "ask": "404: a+1\n", "right": "504"}
        (tmp_path / "p.jsonl").write_text(json.dumps(row) + "\n")
        command = ["--data", tmp_path / "p.jsonl", "--samples", "4", "--max-tokens", "16", "--template", "Now {prompt}",
                   "--columns", "prompt=ask", "--columns", "answer=right", "--columns", "id=key", "--seed", "3",
                   "--top-p", "0.9", "--batch-size", "2", "--temperature", "1"]  # fmt: skip
        model = finished / "checkpoints/lead/step-000004"
        for name in ("probe", "eval"):
            done = leadline(name, model, *command, "--out", tmp_path / name)
            assert done.returncode == 0, done.stderr
        asked, evaluated = ((tmp_path / name / "samples.jsonl.gz") for name in ("probe", "eval"))
        assert gzip.decompress(asked.read_bytes()) == gzip.decompress(evaluated.read_bytes())
        assert b'"problem_id": "p"' in gzip.decompress(asked.read_bytes()).replace(b'":"', b'": "')

    def test_what_a_model_is_asked_is_refused_where_none_is(self, leadline: Run, finished: Path) -> None:
        refused(leadline("probe", f"{finished}:sft", "--system", "Be brief."), "--system")

    def test_recipes(self, leadline: Run, tmp_path: Path) -> None:
        listed = leadline("recipes", "list")
        assert "quickstart" in listed.stdout
        assert leadline("recipes", "copy", "quickstart", cwd=tmp_path).returncode == 0
        shown = leadline("recipes", "show", "quickstart").stdout
        assert (tmp_path / "quickstart.yaml").read_text() == shown
        refused(leadline("recipes", "copy", "quickstart", cwd=tmp_path), "File exists")

    def test_report_of_two_runs(self, leadline: Run, finished: Path, tmp_path: Path) -> None:
        done = leadline("report", finished, finished, "--out", tmp_path / "both.html")
        assert done.returncode == 0, done.stderr
        assert 1_000_000 < (tmp_path / "both.html").stat().st_size < 6_000_000


class TestProcesses:
    """What only a process of its own can show."""

    def start(self, *arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "leadline.cli.main", *map(str, arguments)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd, env=environment
        )

    def test_a_refusal_is_one_line_and_code_2(self, tmp_path: Path) -> None:
        process = self.start("run", "nowhere.yaml", cwd=tmp_path)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 2
        assert out == ""
        assert len(err.splitlines()) == 1

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_saves_and_exits_130_and_the_run_goes_on(
        self, leadline: Run, tmp_path: Path, number: signal.Signals
    ) -> None:
        (tmp_path / "tiny.yaml").write_text(TINY_RECIPE)
        changes = ["--set", "sft.steps=100000", "--set", "sft.checkpoint_every=100000"]
        process = self.start("run", "tiny.yaml", "--out", "run", *changes, cwd=tmp_path)
        metrics = tmp_path / "run/metrics.jsonl"
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline and not (
            metrics.is_file() and metrics.read_bytes().count(b"\n") > 3
        ):
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=600)
        assert process.returncode == 130, err
        assert "state saved; --resume goes on from there" in err
        saved = max((tmp_path / "run/checkpoints/sft").glob("step-*"))
        assert metrics.read_bytes().count(b"\n") == int(saved.name.removeprefix("step-")) > 3

    def test_a_signal_does_not_wait_for_a_measurement(self, tmp_path: Path) -> None:
        (tmp_path / "tiny.yaml").write_text(TINY_RECIPE)
        changes = ["--set", "evaluation.samples=500000"]  # an hour of sampling
        process = self.start("run", "tiny.yaml", "--out", "run", *changes, cwd=tmp_path)
        assert process.stderr is not None
        said = ""
        while "measuring" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=600)
        assert process.returncode == 130, err
        assert "stopped while base was measured" in err
        assert not list((tmp_path / "run/samples").glob("*/eval*"))


def test_the_reference_in_docs_is_current(tmp_path: Path) -> None:
    """``make docs`` writes it."""
    target = tmp_path / "cli.md"
    command = [sys.executable, "-m", "typer", "leadline.cli.main", "utils", "docs"]
    command += ["--name", "leadline", "--title", "Command line", "--output", str(target)]
    subprocess.run(command, check=True, capture_output=True)
    assert target.read_text() == (Path(__file__).parents[2] / "docs/cli.md").read_text()


def test_the_version_by_either_way_in() -> None:
    from leadline import __version__

    assert call("--version").stdout.strip() == f"leadline {__version__}"
    done = subprocess.run(
        [sys.executable, "-m", "leadline", "--version"], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == f"leadline {__version__}"
