"""YAML of strangers: plain values come out, everything else is one line, soon and in little memory."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import ConfigError
from leadline.recipes.reading import load_recipe, parse_recipe
from leadline.storage.yaml_text import parse_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("seed: 2024-99-99", "not YAML"),
        ("seed: !!float x", "not YAML"),
        ('seed: !!int ""', "not YAML"),
        ("seed: !!timestamp x", "not YAML"),
        ("seed: 0x_", "not YAML"),
        ("seed: " + "9" * 5000, "not YAML|beyond 2"),
        ("seed: " + "9" * 50, "beyond 2"),
        ("a: .nan", "no number"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested"),
        ("a: " + "[" * 100 + "]" * 100, "nested"),
        ("seed: 1\nseed: 2", "'seed' comes twice"),
        ("a: {b: 1, b: 2}", "'b' comes twice"),
        ("? [1]\n: 2", "key"),
        ("? {a: 1}\n: 2", "key"),
        (BOMB, "more than 20,000 values"),
        ("a: &a {x: *a}", "within what it names"),
        ("a: &a [*a]", "within what it names"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: [1", "line 1"),
        ("a: *missing", "undefined alias"),
        ("\x00", "not YAML"),
        ("a: 1\n--- \nb: 2", "document"),
        ("x" * 300_000, "longer than"),
        ("<<: 3", "not YAML"),
    ],
)
def test_each_refusal_is_one_line(text: str, why: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError, match=why) as refusal:
        parse_yaml(text, "r.yaml")
    (line,) = refusal.value.problems
    assert line.startswith("r.yaml: ")
    assert len(line) < 400
    assert "\n" not in line
    assert time.process_time() - began < 5


def test_what_recipes_use_is_read() -> None:
    assert parse_yaml("a: &x {b: [1, 0.5, true, null, text]}\nc: *x\nd: {<<: *x, e: 2}", "r") == {
        "a": {"b": [1, 0.5, True, None, "text"]},
        "c": {"b": [1, 0.5, True, None, "text"]},
        "d": {"b": [1, 0.5, True, None, "text"], "e": 2},
    }
    assert parse_yaml("", "r") is None


@given(st.text(alphabet=st.sampled_from("ab: \n-[]{}&*!?|>'\"#%@,0x9._~<\t"), max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_yaml(text, "r")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("model={hidden_size: 7, num_heads: 4}", "hidden_size 7"),
        ("model={num_heads: 4, num_kv_heads: 3}", "does not divide"),
        ("model={family: qwen2}", "a new model is a llama or a qwen3"),
        ("data={world: {steps: [1, 16]}}", "steps"),
        ("threads=1000000000", "threads"),
        ("seed=[[[[", "--set seed"),
        ("seed=2024-99-99", "--set seed"),
    ],
)
def test_values_that_would_fail_in_mid_run_are_refused_with_the_recipe(change: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        parse_recipe("data: {world: {}}", [change])


def test_the_collection_of_hostile_recipes(shared_data: Path) -> None:
    """In a process that may have 1 GB: each is refused, or is a recipe all the same (r.yaml, which names a grader)."""
    code = """
        import sys
        from leadline.errors import InputError
        from leadline.recipes.reading import load_recipe
        from pathlib import Path
        for path in sorted(Path(sys.argv[1]).glob("r_*.yaml")):
            try:
                load_recipe(path, ["data.world.slip=0.1"]).to_yaml()
                print("accepted", path.name)
            except InputError as refusal:
                assert all("\\n" not in line and len(line) < 1000 for line in refusal.problems)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(shared_data / "strangers")],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["accepted", "r_lora1.yaml"]  # refused when the backend is known


def test_a_recipe_is_opened_like_every_file(tmp_path: Path) -> None:
    for content, why in ((b"\xff\xfea", "UTF-16"), (b"PK\x03\x04", "zip"), (b"a: \xff", "not UTF-8")):
        (tmp_path / "r.yaml").write_bytes(content)
        with pytest.raises(ConfigError, match=why):
            load_recipe(tmp_path / "r.yaml")
    (tmp_path / "r.yaml").write_text(" \n")
    with pytest.raises(ConfigError, match=r"r\.yaml: empty"):
        load_recipe(tmp_path / "r.yaml")
    with pytest.raises(ConfigError, match="folder"):
        load_recipe(tmp_path)
