"""The evaluation run: files it leaves, going on after a stop, what it refuses."""

from __future__ import annotations

import fcntl
import gzip
import json
import warnings

import pytest

from leadline.data import load_problems, read_samples
from leadline.errors import ConfigError, DataError, InputError, Interrupted
from leadline.evaluation import evaluate, run_eval
from leadline.evaluation.run import read_graded
from leadline.evaluation.sample_store import DrawStore
from leadline.rewards import Scorer
from leadline.samplers import Draw, FileSampler, Prompting, Sampling, pending
from leadline.types import Completion

SAMPLING = Sampling(max_tokens=20, temperature=0.7)


@pytest.fixture
def problem_set(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(json.dumps({"id": f"p{i}", "prompt": f"{i}+1?", "answer": i + 1}) + "\n" for i in range(4))
    )
    return load_problems(path)


def text_of(i: int, j: int) -> str:
    return f"check {i}+1; sample {j}: \\boxed{{{i + 1 if (i + j) % 3 else 0}}}"


@pytest.fixture
def sample_file(tmp_path):
    rows = [
        {"problem_id": f"p{i}", "completion": text_of(i, j), "n_tokens": 5 + j, "finished": j != 3}
        for j in range(6)
        for i in range(5)  # p4 is not in the set
    ]
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Counting:
    """A source that says what it was asked for, and can be stopped."""

    def __init__(self, name="m", stop_after=None, same=False):
        self.name, self.prompting = name, Prompting()
        self.stop_after, self.same, self.asked = stop_after, same, []

    def prompt_text(self, problem):
        return f"user: {problem.prompt}"

    def generate(self, problems, n, sampling, *, done=frozenset()):
        for item in reversed(pending(problems, n, done)):  # any order will do
            if self.stop_after is not None and len(self.asked) == self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(item.key)
            text = "\\boxed{1}" if self.same else text_of(int(item.problem.id[1:]), item.index)
            yield Draw(item.index, Completion(item.problem.id, text, 5 + item.index))


def test_a_sample_file_is_evaluated_like_any_source(problem_set, sample_file, tmp_path) -> None:
    done = run_eval(FileSampler(sample_file), problem_set, tmp_path / "out", samples=4, sampling=SAMPLING)
    completions = [s.completion for s in read_samples(sample_file) if s.completion.problem_id != "p4"][
        : 4 * 4
    ]
    by_id = {problem.id: problem for problem in problem_set}
    with Scorer({"format": 0, "reflection": 0, "repetition": 0}) as scorer:
        scores = scorer.score([by_id[c.problem_id] for c in completions], completions)
    expected = evaluate(problem_set.problems, completions, scores, ks=(1, 2, 4)).as_dict()
    assert done.evaluation.as_dict() == expected
    assert expected["truncated"] == 0.25
    written = json.loads(done.metrics_path.read_text())
    assert written["metrics"] == json.loads(json.dumps(expected))
    assert written["settings"]["samples"] == 4
    assert "temperature" not in written["settings"], "how a file's samples were drawn is not known"
    rows = [json.loads(line) for line in gzip.decompress(done.samples_path.read_bytes()).splitlines()]
    assert len(rows) == 16
    first = rows[0]
    assert (first["problem_id"], first["gold"], first["correct"], first["answer"]) == ("p0", "1", False, "0")
    assert first["spans"] == [[0, 5, "verification"]]
    graded = list(read_samples(done.samples_path))
    assert [s.correct for s in graded] == [score.correct for score in scores]


def test_a_sample_file_with_too_few_samples_is_refused(problem_set, sample_file, tmp_path) -> None:
    with pytest.raises(DataError) as caught:
        run_eval(FileSampler(sample_file), problem_set, tmp_path / "out", samples=7, sampling=SAMPLING)
    assert caught.value.problems[0] == f"{sample_file}: 6 of 7 samples of 'p0'"
    assert len(caught.value.problems) == 5  # four problems, and how many samples there are
    source = FileSampler(sample_file)
    done = {("p0", 1), ("p3", 0)}
    keys = [draw.key for draw in source.generate(problem_set.problems, 2, SAMPLING, done=done)]
    assert sorted(keys) == sorted({(f"p{i}", j) for i in range(4) for j in range(2)} - done)


def test_a_stopped_run_goes_on_and_ends_as_if_it_had_not_been(problem_set, tmp_path) -> None:
    whole = run_eval(Counting(), problem_set, tmp_path / "whole", samples=5, sampling=SAMPLING)
    first = Counting(stop_after=7)
    with pytest.raises(Interrupted, match="after 7 of 20 samples"):
        run_eval(first, problem_set, tmp_path / "out", samples=5, sampling=SAMPLING)
    assert not (tmp_path / "out" / "metrics.json").exists()
    raw = tmp_path / "out" / "raw.jsonl"
    torn = raw.read_bytes()[:-9]  # the last line was being written
    raw.write_bytes(torn)
    second = Counting()
    seen = []
    assert json.loads((tmp_path / "out" / "settings.json").read_text())["temperature"] == 0.7
    resumed = run_eval(
        second,
        problem_set,
        tmp_path / "out",
        samples=5,
        sampling=SAMPLING,
        progress=lambda *at: seen.append(at),
    )
    assert len(second.asked) == 20 - 6
    assert set(second.asked) | set(first.asked[:6]) == {(f"p{i}", j) for i in range(4) for j in range(5)}
    assert (seen[0], seen[-1]) == ((6, 20), (20, 20))
    assert resumed.evaluation.as_dict() == whole.evaluation.as_dict()


def test_more_samples_later_draw_the_difference_and_fewer_take_the_first(problem_set, tmp_path) -> None:
    out = tmp_path / "out"
    run_eval(Counting(), problem_set, out, samples=2, sampling=SAMPLING)
    more = Counting()
    grown = run_eval(more, problem_set, out, samples=4, sampling=SAMPLING)
    assert len(more.asked) == 8
    direct = run_eval(Counting(), problem_set, tmp_path / "direct", samples=4, sampling=SAMPLING)
    assert grown.evaluation.as_dict() == direct.evaluation.as_dict()
    fewer = Counting()
    shrunk = run_eval(fewer, problem_set, out, samples=2, sampling=SAMPLING)
    assert fewer.asked == []
    two = run_eval(Counting(), problem_set, tmp_path / "two", samples=2, sampling=SAMPLING)
    assert shrunk.evaluation.as_dict() == two.evaluation.as_dict()


def test_a_folder_with_another_evaluation_is_refused_and_left_as_it_is(problem_set, tmp_path) -> None:
    out = tmp_path / "out"
    run_eval(Counting(), problem_set, out, samples=2, sampling=SAMPLING)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(ConfigError) as caught:
        run_eval(Counting("other"), problem_set, out, samples=2, sampling=Sampling(20, temperature=1.0))
    assert "model 'm', not 'other'" in str(caught.value)
    assert "temperature 0.7, not 1.0" in str(caught.value)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (tmp_path / "q.jsonl").write_text('{"id": "p0", "prompt": "other", "answer": 1}\n')
    with pytest.raises(ConfigError, match="problems_hash"):
        run_eval(Counting(), load_problems(tmp_path / "q.jsonl"), out, samples=2, sampling=SAMPLING)


def test_a_model_or_sample_file_that_has_changed_since_is_noticed(problem_set, sample_file, tmp_path) -> None:
    out = tmp_path / "out"
    run_eval(FileSampler(sample_file), problem_set, out, samples=2, sampling=SAMPLING)
    run_eval(FileSampler(sample_file), problem_set, out, samples=2, sampling=SAMPLING)
    sample_file.write_text(sample_file.read_text().replace("check", "chuck"))
    with pytest.raises(ConfigError, match="model_files"):
        run_eval(FileSampler(sample_file), problem_set, out, samples=2, sampling=SAMPLING)
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(b"1")
    run_eval(Counting(str(model)), problem_set, tmp_path / "m", samples=2, sampling=SAMPLING)
    (model / "model.safetensors").write_bytes(b"22")
    with pytest.raises(ConfigError, match="model_files"):
        run_eval(Counting(str(model)), problem_set, tmp_path / "m", samples=2, sampling=SAMPLING)


def test_rows_that_are_not_ours_are_refused(problem_set, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "raw.jsonl").write_text('{"problem_id": "zz", "index": 0, "completion": "", "n_tokens": 1}\n')
    with pytest.raises(DataError, match=r"samples of 1 problems that are not in the set: \['zz'\]"):
        run_eval(Counting(), problem_set, out, samples=2, sampling=SAMPLING)
    (out / "raw.jsonl").write_text('{"problem_id": "p0"}\n')
    with pytest.raises(DataError, match=r"raw.jsonl:1: not a row of this run"):
        run_eval(Counting(), problem_set, out, samples=2, sampling=SAMPLING)


def test_two_processes_do_not_write_to_one_folder(problem_set, tmp_path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with open(out / "raw.jsonl", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        with pytest.raises(InputError, match="another process"):
            run_eval(Counting(), problem_set, out, samples=2, sampling=SAMPLING)


def test_a_source_that_draws_twice_is_a_fault_of_ours(problem_set, tmp_path) -> None:
    class Twice(Counting):
        def generate(self, problems, n, sampling, *, done=frozenset()):
            for draw in super().generate(problems, n, sampling, done=done):
                yield draw
                yield draw

    with pytest.raises(RuntimeError, match="twice"):
        run_eval(Twice(), problem_set, tmp_path / "out", samples=2, sampling=SAMPLING)


def test_samples_that_are_all_alike_are_wondered_at(problem_set, tmp_path) -> None:
    with pytest.warns(UserWarning, match="does m heed the temperature"):
        run_eval(Counting(same=True), problem_set, tmp_path / "a", samples=4, sampling=SAMPLING)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_eval(Counting(), problem_set, tmp_path / "b", samples=4, sampling=SAMPLING)
        run_eval(
            Counting(same=True), problem_set, tmp_path / "c", samples=4, sampling=Sampling(20, temperature=0)
        )
    with pytest.raises(ConfigError, match="samples must lie"):
        run_eval(Counting(), problem_set, tmp_path / "d", samples=0, sampling=SAMPLING)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b"a\nb\n", b"a\nb\n"),
        (b"a\nbb", b"a\n"),
        (b"abc", b""),
        (b"a\n" + b"x" * 200_000, b"a\n"),
    ],
)
def test_a_torn_last_line_is_cut_off(tmp_path, content, kept) -> None:
    path = tmp_path / "raw.jsonl"
    path.write_bytes(content)
    DrawStore(path).close()
    assert path.read_bytes() == kept


def test_samples_hold_the_prompt_as_the_model_saw_it(problem_set, tmp_path) -> None:
    done = run_eval(Counting(), problem_set, tmp_path / "drawn", samples=2, sampling=SAMPLING)
    seen = {row.completion.problem_id: row.prompt for row in read_samples(done.samples_path)}
    assert seen == {problem.id: f"user: {problem.prompt}" for problem in problem_set}
    # such a file, taken as a source, says so again; also where every sample was there before
    for _ in range(2):
        again = run_eval(
            FileSampler(done.samples_path), problem_set, tmp_path / "file", samples=2, sampling=SAMPLING
        )
        assert {row.completion.problem_id: row.prompt for row in read_samples(again.samples_path)} == seen


def test_graded_samples_are_taken_as_they_are_where_none_is_missing(problem_set, tmp_path) -> None:
    run_eval(Counting(), problem_set, tmp_path / "a", samples=3, sampling=SAMPLING)
    target = tmp_path / "a" / "samples.jsonl.gz"
    found = read_graded(target, problem_set.problems, 3)
    assert found is not None
    assert found.measure([1], 0).metrics["mean_tokens"].value == 6  # 5, 6 and 7 of every problem
    for problems, samples in (
        (problem_set.problems, 4),
        (problem_set.problems[1:], 3),
        (problem_set.problems, 2),
    ):
        assert read_graded(target, problems, samples) is None
    assert read_graded(tmp_path / "nowhere", problem_set.problems, 3) is None
