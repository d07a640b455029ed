"""From recipes to command lines, files and checks, and from verl's output back; no verl needed (see beside_verl)."""

from __future__ import annotations

import gzip
import json
import shlex
import stat
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from command import call
from leadline.cli.doctor import diagnose
from leadline.cli.main import main
from leadline.errors import ConfigError, DataError, InputError
from leadline.integrations.verl.score_coding import encode
from leadline.recipes import find_recipe
from leadline.recipes.reading import load_recipe
from leadline.recipes.schema import Recipe
from leadline.report import build_report
from leadline.runs.backends.command_line import as_argument, as_line
from leadline.runs.backends.trl.command_lines import launched_recipe, trl_lines
from leadline.runs.backends.verl import (
    collect,
    describe_jobs,
    is_launched,
    plan_verl,
    submit,
    write_inputs,
)
from leadline.runs.backends.verl.checks import environment_report
from leadline.runs.training_data import open_material
from leadline.storage.run_directory import RunReader

RECIPE = """
name: small
backend: verl
model: {source: some/model}
data: {train: PROBLEMS, evaluation_share: 0.2, system_prompt: Think.}
sft: {method: none}
rl: {steps: 3, prompts: 4, group_size: 4, max_tokens: 32, micro_tokens: 256, validate_every: 2, validation_problems: 3,
     samples_every: 2}
arms:
  grpo: {}
  lead: {advantage: lead, rewards: {accuracy: 1.0, format: 0.25}}
verl: {gpus_per_node: 2, max_prompt_tokens: 64}
"""


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    rows = [{"id": f"p{i}", "prompt": f"What is {i} x 7?", "answer": str(7 * i)} for i in range(60)]
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def recipe_file(tmp_path: Path, problems: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("PROBLEMS", str(problems)))
    return path


@pytest.fixture
def recipe(recipe_file: Path) -> Recipe:
    return load_recipe(recipe_file)


# --- verl: the plan ------------------------------------------------------------------------------------------


def test_an_arm_becomes_verls_keys(recipe: Recipe, tmp_path: Path) -> None:
    plan = plan_verl(recipe, tmp_path / "run", nodes=2)
    assert [job.arm for job in plan.jobs] == ["grpo", "lead"]
    keys = plan.jobs[1].keys
    wanted = {
        "algorithm.adv_estimator": "leadline",
        "algorithm.use_kl_in_reward": False,
        "+algorithm.leadline.length_alpha": 0.05,
        "+algorithm.leadline.wrong": -1.0,
        "+reward.leadline.weights": {"accuracy": 1.0, "format": 0.25},
        "data.train_batch_size": 4,
        "data.max_response_length": 32,
        "data.shuffle": False,
        "actor_rollout_ref.rollout.n": 4,
        "actor_rollout_ref.actor.use_kl_loss": False,
        "actor_rollout_ref.actor.loss_agg_mode": "token-mean",
        "trainer.total_training_steps": 3,
        "trainer.nnodes": 2,
        "trainer.n_gpus_per_node": 2,
        "data.train_files": str((tmp_path / "run/verl/data/train.parquet").resolve()),
    }
    assert {key: keys[key] for key in wanted} == wanted
    assert plan.jobs[0].keys["+algorithm.leadline.preset"] == "grpo"
    assert not (tmp_path / "run").exists()  # a plan writes nothing


def test_the_printed_command_is_what_a_shell_would_run(recipe: Recipe, tmp_path: Path) -> None:
    plan = plan_verl(recipe, tmp_path / "run with space", arms=["lead"], address="http://head:8265")
    first, arm, line = describe_jobs(plan)
    assert "3 steps of 4 x 4 completions on 1 x 2 GPUs" in first
    assert arm == "# arm lead"
    assert shlex.split(line.replace("\\\n", " ")) == plan.jobs[0].command
    assert plan.jobs[0].command[:6] == ["ray", "job", "submit", "--address", "http://head:8265", "--"]


def test_everything_that_verl_cannot_do_is_said_at_once(recipe_file: Path, tmp_path: Path) -> None:
    changes = [
        "model.source=null", "sft.method=lora", "rl.mask_truncated=true", "rl.micro_tokens=90",
        "rl.optimiser={name: muon, decay: linear}", "verl.gpus_per_node=3",
        "arms.grpo={advantage: dr_grpo, loss: {kl: k1_in_reward, beta: 0.1}}", "arms.lead.rewards.format=9",
        "verl.keys={data.shuffle: true, trainer: {nnodes: 4}}",
    ]  # fmt: skip
    with pytest.raises(ConfigError) as caught:
        plan_verl(load_recipe(recipe_file, changes), tmp_path / "run", arms=["nobody"])
    places = [line.split(":")[0] for line in caught.value.problems]
    assert places == [
        "model.source", "sft.method", "rl.mask_truncated", "rl.micro_tokens", "rl",
        "arms.grpo.loss.kl", "rl.optimiser.name", "rl.optimiser.decay", "arms.lead.rewards",
        "verl.keys.data.shuffle", "verl.keys.trainer.nnodes",
        "--arm nobody",
    ]  # fmt: skip


def test_unknown_keys_of_the_section_are_named(recipe_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"verl\.gpus: unknown key"):
        plan_verl(load_recipe(recipe_file, ["verl.gpus=8"]), tmp_path / "run")


def test_kl_and_sequence_losses(recipe_file: Path, tmp_path: Path) -> None:
    loss = "arms.lead.loss={kl: k3, beta: 0.04, aggregation: constant, level: sequence, clip_high: 0.28}"
    keys = plan_verl(load_recipe(recipe_file, [loss]), tmp_path / "run", arms=["lead"]).jobs[0].keys
    actor = {key.removeprefix("actor_rollout_ref.actor."): value for key, value in keys.items()}
    assert (actor["use_kl_loss"], actor["kl_loss_type"], actor["kl_loss_coef"]) == (True, "k3", 0.04)
    assert (actor["loss_agg_mode"], actor["loss_scale_factor"]) == ("seq-mean-token-sum-norm", 32)
    assert (actor["policy_loss.loss_mode"], actor["clip_ratio_high"]) == ("gspo", 0.28)


# --- verl: the files -----------------------------------------------------------------------------------------


def test_the_parquet_files_hold_the_problems_of_every_step_in_order(recipe: Recipe, tmp_path: Path) -> None:
    plan, material = plan_verl(recipe, tmp_path / "run"), open_material(recipe)
    write_inputs(plan, material)
    rows = pq.read_table(tmp_path / "run/verl/data/train.parquet").to_pylist()
    drawn = [problem for step in range(3) for problem in material.train(step, 4)]
    assert [row["extra_info"]["id"] for row in rows] == [problem.id for problem in drawn]
    assert [row["reward_model"]["ground_truth"] for row in rows] == [problem.answer for problem in drawn]
    assert rows[0]["prompt"] == [
        {"role": "system", "content": "Think."},
        {"role": "user", "content": drawn[0].prompt},
    ]
    assert {row["data_source"] for row in rows} == {"small"}
    held = pq.read_table(tmp_path / "run/verl/data/valid.parquet").to_pylist()
    assert {row["extra_info"]["split"] for row in held} == {"valid"}
    assert not {row["extra_info"]["id"] for row in held} & {problem.id for problem in drawn}
    assert (tmp_path / "run/verl/lead/submit.sh").read_text().startswith("#!/bin/sh\nray job submit")
    assert is_launched(tmp_path / "run")


def test_launching_again_goes_on_with_the_same_recipe_only(
    recipe: Recipe, recipe_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    write_inputs(plan_verl(recipe, out), open_material(recipe))
    (out / "verl/lead/metrics-001.jsonl").touch()
    again = plan_verl(recipe, out, arms=["lead"])
    logger = "+ray_kwargs.ray_init.runtime_env.env_vars.VERL_FILE_LOGGER_PATH"
    assert again.jobs[0].keys[logger].endswith("metrics-002.jsonl")
    write_inputs(again, open_material(recipe))
    with pytest.raises(InputError, match="another recipe"):
        plan_verl(load_recipe(recipe_file, ["rl.steps=4"]), out)


def test_a_failed_job_is_an_error(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = tmp_path / "bin" / "ray"
    ray.parent.mkdir()
    ray.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\nexit 3\n')
    ray.chmod(ray.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(ray.parent))
    job = plan_verl(recipe, tmp_path / "run", arms=["lead"]).jobs[0]
    with pytest.raises(Exception, match="ended with code 3"):
        submit(job)
    assert (tmp_path / "said").read_text().splitlines() == job.command[1:]


# --- verl: back ----------------------------------------------------------------------------------------------


def written(out: Path, arm: str, step: int, rows: list[dict[str, Any]], *, trail: bool = True) -> None:
    """What verl and the reward manager leave of a step."""
    folder = out / "verl" / arm
    for name in ("rollouts", "trail", "validation"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    dumped, known = [], []
    for row in rows:
        uid = f"{row['group']}_{row['session']}"
        score = encode(row["correct"], row["reason"] not in ("no_answer", "truncated"), row["bonus"])
        dumped.append(
            {"input": "q", "output": "a", "gts": "1", "score": score, "step": step, "uid": f"{uid}_0"}
        )
        known.append(
            {"uid": uid, "split": "train", "problem_id": row["group"], "prompt": "q", "gold": "1", "completion": "a",
             "n_tokens": row["n"], "finished": row["reason"] != "truncated", "correct": row["correct"],
             "reason": row["reason"], "answer": None, "bonus": row["bonus"], "parts": {"accuracy": 0.0, "format": 0.5},
             "spans": [[0, 1, "verification"]]}
        )  # fmt: skip
    dumped.append({"uid": "padabc_0_0", "score": 0.0})
    (folder / "rollouts" / f"{step}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in dumped))
    if trail:
        with (folder / "trail" / "host-1.jsonl").open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in known)


def row(group: str, session: int, correct: bool | None, n: int, reason: str = "mismatch") -> dict[str, Any]:
    reason = "match" if correct else reason
    return {"group": group, "session": session, "correct": correct, "n": n, "reason": reason, "bonus": 0.0}


def launched(recipe: Recipe, tmp_path: Path) -> Path:
    out = tmp_path / "run"
    write_inputs(plan_verl(recipe, out), open_material(recipe))
    return out


def test_verls_files_become_a_run(recipe: Recipe, tmp_path: Path) -> None:
    out = launched(recipe, tmp_path)
    rows = [
        row("a", 0, True, 10),
        row("a", 1, False, 4),
        row("a", 2, False, 6, "no_answer"),
        row("a", 3, True, 10),
    ]
    rows += [row("b", 0, False, 32, "truncated"), *(row("b", session, False, 8) for session in (1, 2, 3))]
    for step in (1, 2, 3):
        written(out, "lead", step, rows)
    folder = out / "verl/lead"
    first = [{"step": s, "data": {"actor/pg_loss": 1.0 * s, "actor/grad_norm": 2.0}} for s in (1, 2)]
    second = [{"step": s, "data": {"actor/pg_loss": 10.0 * s, "timing_s/step": 4.0}} for s in (2, 3)]
    for name, lines in (("metrics-001", first), ("metrics-002", second)):
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in lines) + '{"step": 9'
        )
    checked = [{"acc": 1.0, "n_tokens": 4.0}, {"acc": 0.0, "n_tokens": 8.0}]
    (folder / "validation/2.jsonl").write_text("".join(json.dumps(line) + "\n" for line in checked))
    assert collect(out) == 3
    assert collect(out) == 3  # anew, not in addition
    reader = RunReader(out)
    metrics = reader.metrics("lead")
    assert [(m["stage"], m["step"]) for m in metrics] == [("rl", 1), ("rl", 2), ("valid", 2), ("rl", 3)]
    said = metrics[0]
    assert (said["pass@1"], said["mean_tokens"], said["mean_tokens_correct"]) == (0.25, 10.75, 10.0)
    assert (said["truncated"], said["no_answer"]) == (0.125, 0.125)
    assert (said["mixed"], said["live"]) == (0.5, 0.5)
    # group a: rewards 1, -1, -1, 1; group b: -1 four times
    assert said["reward"] == pytest.approx(-0.5)
    assert (said["format"], said["loss"], said["grad_norm"], said["seconds"]) == (0.5, 1.0, 2.0, None)
    assert [m["loss"] for m in metrics if m["stage"] == "rl"] == [
        1.0,
        20.0,
        30.0,
    ]  # the later start overrules
    assert metrics[2] == {"arm": "lead", "stage": "valid", "step": 2, "pass@1": 0.5, "mean_tokens": 6.0}
    assert reader.sample_names("lead") == ["step-000002", "step-000003"]
    samples = list(reader.samples("lead", "step-000002"))
    # 2 of 4 right: advantages +-1 / std(1, -1, -1, 1; ddof 1) = +-0.8660, weight w(0.5) = 1.4165
    assert [s["advantage"] for s in samples[:4]] == pytest.approx(
        [1.2267, -1.2267, -1.2267, 1.2267], abs=1e-3
    )
    assert [s["advantage"] for s in samples[4:]] == [0.0] * 4
    assert "lead" in build_report([out], tmp_path / "report.html").read_text()


def test_rows_without_their_trail_are_refused(recipe: Recipe, tmp_path: Path) -> None:
    out = launched(recipe, tmp_path)
    written(out, "lead", 1, [row("a", 0, True, 10), row("a", 1, False, 4)], trail=False)
    with pytest.raises(DataError, match=r"1\.jsonl:1: no entry 'a_0' in the trail") as caught:
        collect(out)
    assert "2 rows in all" in str(caught.value)


def test_a_log_that_is_none_of_verls_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    out = launched(recipe, tmp_path)
    (out / "verl/lead/metrics-001.jsonl").write_text('{"loss": 1}\n')
    with pytest.raises(DataError, match=r"metrics-001\.jsonl:1: not a line of verl's file logger"):
        collect(out)


def test_the_report_command_collects_first(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = launched(recipe, tmp_path)
    written(out, "grpo", 1, [row("a", 0, True, 10), row("a", 1, False, 4)])
    assert ran(monkeypatch, "report", str(out)) == 0
    assert [m["arm"] for m in RunReader(out).metrics()] == ["grpo"]
    with gzip.open(out / "samples/grpo/step-000001.jsonl.gz", "rt") as file:
        assert len(file.readlines()) == 2


# --- commands ------------------------------------------------------------------------------------------------


def ran(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["leadline", *arguments])
    try:
        main()
    except SystemExit as done:
        return int(done.code or 0)
    return 0


def test_launch_verl_without_verl_says_so_and_starts_nothing(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    code = ran(
        monkeypatch, "launch", "verl", str(recipe_file), "--out", str(out), "--python", str(tmp_path / "none")
    )
    captured = capsys.readouterr()
    assert code == 2
    assert "verl.trainer.main_ppo" in captured.out  # the plan is shown all the same
    assert f"leadline: {tmp_path / 'none'}: No such file or directory" in captured.err
    assert not out.exists()


def test_a_verl_recipe_is_not_run_here(
    recipe_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran(monkeypatch, "run", str(recipe_file), "--out", str(tmp_path / "run")) == 2
    assert "leadline launch verl" in capsys.readouterr().err


def test_doctor_names_what_is_missing_and_returns_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"faults": ["verl: 0.8.0 is installed, tested are 0.9.1"], "versions": {"verl": "0.8.0"}}
    monkeypatch.setattr("leadline.cli.doctor.verl_report", lambda: answer)
    assert ran(monkeypatch, "doctor", "verl") == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "! verl: 0.8.0 is installed, tested are 0.9.1"
    assert ran(monkeypatch, "doctor", "nobody") == 2


def test_doctor_says_it_in_ten_lines() -> None:
    for subject in (None, "trl"):
        findings = diagnose(subject)
        assert 3 <= len(findings) <= 10
        assert any("trl" in finding.text for finding in findings)


def test_a_python_that_cannot_answer_is_a_fault(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ModuleNotFoundError: no leadline' >&2\nexit 1\n")
    broken.chmod(0o755)
    [fault] = environment_report(python=str(broken))["faults"]
    assert fault.endswith("cannot run there: ModuleNotFoundError: no leadline")


# --- trl -----------------------------------------------------------------------------------------------------


def lines_of_trl(name: str, gpus_per_node: int | None = None, **more: Any) -> list[str]:
    recipe = find_recipe(name)
    return trl_lines(
        recipe, launched_recipe(recipe, gpus_per_node=gpus_per_node), name, Path("runs/x"), **more
    )


def test_launch_trl_prints_the_lines_of_its_stages() -> None:
    lines = lines_of_trl("lead-14b")
    assert lines[0] == "leadline run lead-14b --out runs/x"
    assert len(lines) == 4  # a comment, sft, lead
    assert lines[2].startswith("accelerate launch --num_processes 8 ")
    assert lines[2].endswith("-m leadline.runs.backends.trl.worker runs/x/checkpoints/sft/launch/spec.json")


def test_what_the_command_line_changed_is_in_the_line_to_type() -> None:
    line = lines_of_trl("lead-7b", model="some/model", changes=["rl.steps=5"])[0]
    words = shlex.split(line.replace("\\\n", " "))
    assert words[-4:] == ["--model", "some/model", "--set", "rl.steps=5"]


def test_the_processes_of_the_command_line_reach_the_recipe_and_keep_its_other_words() -> None:
    line = lines_of_trl("lead-14b", gpus_per_node=2)[0]
    words = shlex.split(line.replace("\\\n", " "))
    change = words[words.index("--set") + 1]
    launch = find_recipe("lead-14b", [change]).trl["launch"]
    assert launch[:2] == ["--num_processes", "2"]
    assert launch[-3:] == ["--use_deepspeed", "--zero_stage", "3"]
    with pytest.raises(ConfigError, match="7 processes"):
        lines_of_trl("lead-14b", gpus_per_node=7)


def test_trl_on_several_nodes_or_without_its_backend_is_refused(recipe: Recipe) -> None:
    with pytest.raises(ConfigError) as caught:
        launched_recipe(recipe, nodes=2)
    assert [line.split(":")[0] for line in caught.value.problems] == ["backend", "--nodes"]


def test_verl_does_not_take_a_recipe_for_another_trainer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a recipe with backend verl"):
        plan_verl(find_recipe("lead-7b"), tmp_path)


def test_a_command_is_never_cut(recipe_file: Path, tmp_path: Path) -> None:
    done = call("launch", "verl", str(recipe_file), "--out", str(tmp_path / "run"), "--dry-run")
    command = done.stdout[done.stdout.index("ray job submit") :]
    assert len(command) > 2000
    assert "characters)" not in command


# --- arguments -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "True"), (1e-6, "1e-06"), ("a b", "'a b'"), ("true", "'true'"), ("12", "'12'"), ("/x/y.z", "/x/y.z"),
     ("pkg://a.b", "pkg://a.b"), ([1, "it's"], "[1,'it\\'s']"), ({"a": 1}, "{a:1}"), ({"m:f": 1}, "'{\"m:f\": 1}'")],
)  # fmt: skip
def test_arguments_in_hydras_grammar(value: Any, text: str) -> None:
    assert as_argument(value) == text


def test_a_line_splits_back_into_its_words() -> None:
    words = ["ray", "job", "submit", "--", "a=b c", "d='e'", "f"]
    assert shlex.split(as_line(words).replace("\\\n", " ")) == words
