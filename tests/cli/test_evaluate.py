"""``leadline eval`` as it is typed: its options on real models and servers, and what it refuses without a trace."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, DatasetDict

from command import Done, call, refused
from free_port import free_port
from tiny_model import save_tiny_model

Eval = Callable[..., Done]
SHORT = ["--samples", "2", "--max-tokens", "6", "--temperature", "1"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``plain`` and ``chat`` work; the others must be refused before their weights, which are rubbish, are read."""
    folder = tmp_path_factory.mktemp("models")
    save_tiny_model(folder / "plain", chat=False)
    save_tiny_model(folder / "chat")
    for name, chat in (("torn", False), ("endless", True), ("strict", True)):
        save_tiny_model(folder / name, chat=chat)
        (folder / name / "model.safetensors").write_bytes(b"no weights at all")
    for file in ("config.json", "generation_config.json", "tokenizer_config.json"):
        _edit(folder / "endless" / file, lambda row: {k: v for k, v in row.items() if "eos" not in k})
    template = "{{ raise_exception('no system turn here') if messages[0]['role'] == 'system' }}{{ messages }}"
    (folder / "strict" / "chat_template.jinja").write_text(template)
    return folder


def _edit(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with problems; no network, no key."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    rows = [{"id": f"p{i}", "prompt": f"{i} + 1?", "answer": str(i + 1)} for i in range(4)]
    write(tmp_path / "p.jsonl", rows)
    write(
        tmp_path / "chats.jsonl",
        [*rows[:3], {"messages": [{"role": "user", "content": "5?"}], "answer": "5"}],
    )
    write(
        tmp_path / "named.jsonl",
        [{"text": {"q": f"{i} + 1?"}, "y": str(i + 1), "prompt": ""} for i in range(3)],
    )
    write(tmp_path / "bad.jsonl", [*rows[:2], {"prompt": "?"}, rows[1] | {"id": "again"}])
    write(
        tmp_path / "s.jsonl",
        [
            {"problem_id": f"p{i}", "completion": f"<b>{i}</b>", "n_tokens": 3}
            for i in range(4)
            for _ in range(2)
        ],
    )
    splits = {"easy": rows[:1], "hard": rows[1:]}
    DatasetDict({name: Dataset.from_list(kept) for name, kept in splits.items()}).save_to_disk(
        tmp_path / "two"
    )
    (tmp_path / "marks.py").write_text(
        "def bold(response, gold):\n    return f'<b>{gold}</b>' == response\n\nnothing = 3\n"
    )
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def run(here: Path, models: Path) -> Eval:
    def run(model: str, data: str, *options: str) -> Done:
        source = str(models / model) if (models / model).is_dir() else model
        return call("eval", source, "--data", data, "--out", "out/deep", *options, cwd=here)

    return run


@pytest.fixture
def no_trace(here: Path, run: Eval) -> Eval:
    """Like ``run``, for what is to be refused: nothing may be left behind."""

    def refuse(*arguments: str) -> Done:
        before = sorted(here.rglob("*"))
        done = run(*arguments)
        assert sorted(path for path in here.rglob("*") if "__pycache__" not in path.parts) == before
        return done

    return refuse


def metrics(here: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((here / "out/deep/metrics.json").read_text())
    return found


def samples(here: Path) -> list[dict[str, Any]]:
    raw = gzip.decompress((here / "out/deep/samples.jsonl.gz").read_bytes())
    return [json.loads(line) for line in raw.splitlines()]


# --- options -----------------------------------------------------------------------------------------------------


def test_split_of_a_data_set(run: Eval, here: Path, no_trace: Eval) -> None:
    refused(no_trace("plain", "two", *SHORT), "say which split; there are easy, hard")
    done = run("plain", "two", "--split", "hard", *SHORT)
    assert done.returncode == 0, done.stderr
    assert [row["problem_id"] for row in samples(here)[::2]] == ["p1", "p2", "p3"]


def test_columns_of_other_names(run: Eval, here: Path, no_trace: Eval) -> None:
    refused(no_trace("plain", "named.jsonl", *SHORT), "the prompt is blank")
    lines = refused(
        no_trace("plain", "named.jsonl", "--columns", "prompt,answer=y", "--columns", "answer=z", *SHORT),
        "--columns prompt: expected FIELD=COLUMN",
        "--columns answer=z: answer is 'y' already",
    )
    assert len(lines) == 2
    refused(no_trace("plain", "named.jsonl", "--columns", "gold=y", *SHORT), "columns.gold: unknown field")
    done = run("plain", "named.jsonl", "--columns", "prompt=text.q,answer=y", *SHORT)
    assert done.returncode == 0, done.stderr
    assert {(row["prompt"], row["gold"]) for row in samples(here)} == {
        (f"{i} + 1?", str(i + 1)) for i in range(3)
    }


def test_a_grader_of_ones_own(run: Eval, here: Path, no_trace: Eval) -> None:
    ours = run("s.jsonl", "p.jsonl", "--samples", "2")
    assert ours.returncode == 0, ours.stderr
    assert metrics(here)["metrics"]["pass@1"] == 0
    assert "grader" not in metrics(here)["settings"]
    # what is there is graded anew; of "<b>i</b>" for the gold i + 1 none is right, for the gold i all are
    write(here / "p.jsonl", [{"id": f"p{i}", "prompt": f"{i} + 1?", "answer": str(i)} for i in range(4)])
    for _ in range(2):
        done = call(
            "eval", "s.jsonl", "--data", "p.jsonl", "--out", "out/bold", "--samples", "2", "--grader", "marks:bold",
            cwd=here,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    found = json.loads((here / "out/bold/metrics.json").read_text())
    assert found["metrics"]["pass@1"] == 1
    assert found["settings"]["grader"] == "marks:bold"
    for name, why in (
        ("marks:none", "has no 'none'"),
        ("none:f", "no module named 'none'"),
        ("marks", "expected"),
    ):
        refused(no_trace("torn", "p.jsonl", "--grader", name), f"--grader {name!r}: ")
        assert why in no_trace("torn", "p.jsonl", "--grader", name).stderr


@pytest.mark.parametrize("engine", ["local", "transformers"])
def test_batch_size_changes_the_work_and_not_the_result(
    run: Eval, here: Path, no_trace: Eval, engine: str
) -> None:
    done = run("plain", "p.jsonl", "--engine", engine, "--batch-size", "3", *SHORT)
    assert done.returncode == 0, done.stderr
    assert len(samples(here)) == 8


def test_what_has_no_batch_is_told_so(no_trace: Eval) -> None:
    refused(no_trace("plain", "p.jsonl", "--batch-size", "0"), "--batch-size must be at least 1")
    refused(
        no_trace("s.jsonl", "p.jsonl", "--batch-size", "8"), "--batch-size: there is no model to run here"
    )
    done = no_trace("m", "p.jsonl", "--url", "http://127.0.0.1:9/v1", "--batch-size", "8", "--engine", "vllm")
    assert len(refused(done, "--batch-size: there is no", "--engine: there is no")) == 2


def test_rows_left_out_are_counted_and_listed(run: Eval, no_trace: Eval) -> None:
    refused(no_trace("plain", "bad.jsonl", *SHORT), "bad.jsonl:3: no answer")
    done = run("plain", "bad.jsonl", "--skip-bad-rows", *SHORT)
    assert done.returncode == 0, done.stderr
    assert "leadline: 1 rows left out\nleadline:   bad.jsonl:3: no answer" in done.stderr
    assert (
        "leadline: 1 problems that repeat another\nleadline:   bad.jsonl:4: repeats bad.jsonl:2"
        in done.stderr
    )


def test_json_is_all_that_is_printed(run: Eval, here: Path) -> None:
    done = run("plain", "p.jsonl", "--json", *SHORT)
    assert json.loads(done.stdout) == metrics(here)["metrics"]


def test_what_the_local_engine_lacks_goes_to_the_other(run: Eval, no_trace: Eval) -> None:
    assert run("plain", "p.jsonl", "--top-p", "0.9", *SHORT).returncode == 0
    refused(no_trace("torn", "p.jsonl", "--top-p", "0.9", "--engine", "local"), "neither top-p nor min-p")


def test_samples_that_are_all_alike_are_wondered_at_aloud(run: Eval, here: Path) -> None:
    write(
        here / "s.jsonl",
        [{"problem_id": f"p{i % 4}", "completion": "\\boxed{7}", "n_tokens": 3} for i in range(16)],
    )
    done = run("s.jsonl", "p.jsonl", "--samples", "4")
    assert "leadline: warning: all 4 samples of every problem are the same text" in done.stderr


# --- servers -----------------------------------------------------------------------------------------------------


class Server:
    """Answers every request, after ``busy`` refusals; reports no usage; keeps what came."""

    def __init__(self, busy: int = 0, status: int = 200) -> None:
        self.busy, self.seen = busy, list[tuple[str, dict[str, str]]]()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, dict(self.headers)))
                said = json.dumps(
                    {"choices": [{"message": {"content": "\\boxed{7}"}, "finish_reason": "stop"}]}
                ).encode()
                self.send_response(503 if len(outer.seen) <= outer.busy else status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda *_: None  # a client that has left is no fault of the server
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(**settings: int) -> Server:
        running.append(Server(**settings))
        return running[-1]

    yield start
    for one in running:
        one.http.shutdown()
        one.http.server_close()


def test_a_server_that_does_not_count_needs_a_tokenizer(
    run: Eval,
    no_trace: Eval,
    here: Path,
    models: Path,
    serve: Callable[..., Server],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = serve(busy=1)
    monkeypatch.setenv("MY_KEY", "sesame")
    options = ["--url", f"{server.url}/v1", "--key-variable", "MY_KEY", "--concurrency", "1", *SHORT]
    refused(no_trace("m", "p.jsonl", *options), "does not report usage.completion_tokens")
    done = run("m", "p.jsonl", *options, "--tokenizer", str(models / "plain"))
    assert done.returncode == 0, done.stderr
    assert {row["n_tokens"] for row in samples(here)} == {len("\\boxed{7}")}  # a token a character
    assert {headers["Authorization"] for _, headers in server.seen} == {"Bearer sesame"}
    refused(
        no_trace("m", "p.jsonl", *options, "--tokenizer", "nowhere/to/be"), "nowhere/to/be: no such directory"
    )


def test_waiting_is_said_once_and_ends(no_trace: Eval, here: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    done = no_trace("m", "p.jsonl", "--url", url, "--patience", "0.4", *SHORT)
    assert done.returncode == 1  # the server's fault, not that of the input
    told = [line for line in done.stderr.splitlines() if "trying again" in line]
    assert len(told) == 1
    assert told[0].startswith(f"leadline: warning: {url}/chat/completions: ConnectionRefusedError")
    assert "gave up after 0.4 s" in done.stderr


def test_servers_are_refused_plainly(no_trace: Eval, serve: Callable[..., Server]) -> None:
    server = serve(status=404)
    done = no_trace("m", "p.jsonl", "--url", server.url, "--concurrency", "1")
    refused(done, "problem 'p0': ", "most servers want /v1 at the end")
    done = no_trace(
        "m", "p.jsonl", "--url", "127.0.0.1:8000", "--concurrency", "0", "--timeout", "0", "--patience", "-1"
    )
    assert len(refused(done, "url: expected", "concurrency must", "timeout must", "patience must")) == 4
    seen = len(server.seen)
    done = no_trace("m", "chats.jsonl", "--url", f"{server.url}/v1", "--api", "completions")
    refused(done, "is given as chat turns, and --api completions sends plain text")
    assert len(server.seen) == seen, "it was asked all the same"


# --- bad input, before any weights are read ----------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", "transformers"])
@pytest.mark.parametrize(
    ("model", "data", "options", "why"),
    [
        ("nowhere/at/all", "p.jsonl", [], "nowhere/at/all: no such directory"),
        (
            "Some/Model",
            "p.jsonl",
            [],
            "Some/Model: no such directory, and the Hugging Face hub cannot be reached",
        ),
        ("torn", "chats.jsonl", [], "is given as chat turns, and the tokenizer of"),
        ("strict", "p.jsonl", ["--system", "Think."], "its chat template refuses turns of system, user"),
        ("endless", "p.jsonl", [], "end-of-sequence token"),
        ("torn", "bad.jsonl", [], "bad.jsonl:3: no answer"),
        ("torn", "none.jsonl", [], "none.jsonl: no such file"),
        ("torn", "Some/Problems", [], "Some/Problems (no file or folder here; a data set of the hub)"),
        ("torn", "p.jsonl", [], "torn"),  # a model that reads no better gets as far as its weights
        ("torn", "p.jsonl", ["--template", "solve it"], "prompt template: needs {prompt}"),
        ("torn", "p.jsonl", ["--max-tokens", "0"], "max_tokens must lie between 1 and"),
        ("torn", "p.jsonl", ["--limit", "0"], "limit must be at least 1"),
    ],
)
def test_bad_input(no_trace: Eval, engine: str, model: str, data: str, options: list[str], why: str) -> None:
    lines = refused(no_trace(model, data, "--engine", engine, *SHORT, *options), why)
    assert len(lines) == 1, lines


def test_too_few_samples_in_a_file(no_trace: Eval) -> None:
    lines = refused(no_trace("s.jsonl", "p.jsonl", "--samples", "3"), "s.jsonl: 2 of 3 samples of 'p0'")
    assert len(lines) == 5  # one per problem, and how many there are
    assert lines[-1].endswith("every problem has 2 samples at least (--samples)")


def test_a_folder_that_was_there_stays(run: Eval, here: Path, serve: Callable[..., Server]) -> None:
    (here / "out/deep").mkdir(parents=True)
    (here / "out/deep/mine.txt").write_text("mine")
    refused(run("m", "p.jsonl", "--url", f"{serve(status=400).url}/v1", *SHORT), "HTTP 400")
    assert [path.name for path in (here / "out/deep").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{model}", "{model}"], "one model at a time"),
        (["some/model"], "nothing of that name is here"),
        (["{model}", "--format", "trl"], "--format: says how files of samples are read"),
        (["{model}", "--pass-at", "0.5"], "--pass-at: says how files of samples are read"),
    ],
)
def test_probe_says_which_options_are_for_files_and_which_for_a_model(
    arguments: list[str], said: str, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    done = call(
        "probe", *(word.format(model=model) for word in arguments), "--data", str(tmp_path / "p.jsonl")
    )
    assert done.returncode == 2
    assert said in done.stderr
