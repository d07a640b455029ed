"""Workers: limits, deaths, and who outlives whom. Everything here runs real processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leadline.errors import LeadlineError
from leadline.grading import Grade, Grader, Reason, grade
from leadline.grading.workers import processes
from leadline.grading.workers.batch import Task
from leadline.grading.workers.pool import WorkerPool

HANGS = r"\boxed{\prod_{n=1}^{%d00000000} \left(1-\frac{1}{n^2}\right)}"
OPEN = (r"\boxed{\sin(x)+\cos(x)}", r"\tan(x)")
"""A pair that the cheap path leaves open."""

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(workers=2, timeout_s=1.0, memory_mb=400) as shared:
        shared.grade_many([OPEN])
        yield shared


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found += [int(entry.name), *children(int(entry.name))]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def server_of(grader: Grader) -> int:
    assert grader._pool is not None
    assert grader._pool._server is not None
    return grader._pool._server.process.pid


def eventually(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


def test_cheap_answers_start_no_process() -> None:
    lazy = Grader()
    before = children(os.getpid())
    assert lazy.grade_many([(r"\boxed{1/2}", "0.5"), (r"\boxed{3}", "4"), ("", "4")]) == [
        Grade(True, Reason.match, "1/2"),
        Grade(False, Reason.mismatch, "3"),
        Grade(False, Reason.no_answer, None),
    ]
    assert children(os.getpid()) == before


def test_unfinished_is_truncated() -> None:
    assert grade(r"\boxed{3}", "3", finished=False) == Grade(False, Reason.truncated, None)
    with Grader() as some, pytest.raises(ValueError, match="finished"):
        some.grade_many([(r"\boxed{3}", "3")] * 2, finished=[True])


def test_time_limit_is_the_fault_of_the_answer(grader: Grader) -> None:
    assert grader.grade_many([(HANGS % 17, r"\pi")])[0].reason is Reason.timeout
    assert grader.grade_many([OPEN])[0].reason is Reason.mismatch


def test_memory_limit_is_the_fault_of_the_answer(grader: Grader) -> None:
    got = grader.grade_many([(r"\boxed{1 \in \gcd(10^{10^{9}}, 7)}", r"\pi+\sqrt{7}")])[0]
    assert (got.correct, got.reason) == (False, Reason.memory)
    assert grader.grade_many([OPEN])[0].reason is Reason.mismatch


def test_a_gold_that_hangs_is_at_fault_itself(grader: Grader) -> None:
    gold = r"\frac{9^{9^{9^{9}}}}{9^{9^{9^{9}}}+1}"
    got = grader.grade_many([(r"\boxed{\pi}", gold)])[0]
    assert (got.correct, got.reason) == (None, Reason.unparsable_gold)
    assert grader.gold_faults([gold])[0] is not None


def test_order_is_kept_whatever_takes_how_long(grader: Grader) -> None:
    pairs = [
        (HANGS % 23, r"\pi")
        if i % 10 == 3
        else (rf"\boxed{{\frac{{x^2-{i * i}}}{{x-{i}}}}}", f"x+{i + i % 2}")
        for i in range(1, 31)
    ]
    reasons = [got.reason for got in grader.grade_many(pairs)]
    expected = [
        Reason.timeout if i % 10 == 3 else Reason.mismatch if i % 2 else Reason.match for i in range(1, 31)
    ]
    assert reasons == expected


def test_killed_workers_are_replaced_and_reaped(grader: Grader) -> None:
    killed = grader.counts.killed
    grader.grade_many([(HANGS % (100 + i), r"\pi") for i in range(3)])
    assert grader.counts.killed == killed + 3
    assert all(alive(pid) for pid in children(os.getpid()))


def test_a_worker_that_dies_is_no_hang(grader: Grader) -> None:
    for pid in children(server_of(grader)):
        os.kill(pid, signal.SIGKILL)
    assert grader.grade_many([(r"\boxed{\sin(x)+2}", r"\tan(x)")])[0].reason in (
        Reason.mismatch,
        Reason.memory,
    )


def test_a_server_that_dies_is_started_again(grader: Grader) -> None:
    server = server_of(grader)
    workers = children(server)
    os.kill(server, signal.SIGKILL)
    assert eventually(lambda: not any(alive(pid) for pid in workers))
    assert grader.grade_many([(r"\boxed{\sin(x)+3}", r"\tan(x)")])[0].reason is Reason.mismatch
    assert grader.counts.server_restarts == 1


def open_pairs(count: int) -> list[tuple[str, str]]:
    """Distinct pairs that the cheap path leaves open; those at even places are right."""
    return [
        (rf"\boxed{{{n}+\sin(2x)}}", rf"2\sin(x)\cos(x)+{n + n % 2}") for n in range(1_000, 1_000 + count)
    ]


def test_what_was_sent_ahead_of_a_stuck_job_neither_waits_nor_is_blamed() -> None:
    with Grader(workers=1, timeout_s=1.5) as single:
        single.grade_many([OPEN])
        pairs = open_pairs(12)
        pairs.insert(3, (HANGS % 7, "7"))
        done: list[float] = []
        started = time.monotonic()
        with ThreadPoolExecutor(2) as threads:
            all_of_them = threads.submit(single.grade_many, pairs)
            # Its own job was queued behind all of those, and is answered while one of them is still stuck.
            time.sleep(0.1)
            threads.submit(single.grade_many, open_pairs(14)[13:]).add_done_callback(
                lambda _: done.append(time.monotonic() - started)
            )
            found = [grade.reason for grade in all_of_them.result()]
        stuck = found.pop(3)
        assert (stuck, single.counts.killed) == (Reason.timeout, 1)
        assert found == [Reason.match, Reason.mismatch] * 6
        assert done[0] < time.monotonic() - started


def test_a_death_costs_one_job_only() -> None:
    with Grader(workers=1, timeout_s=5.0) as single:
        single.grade_many([OPEN])
        assert single._pool is not None
        (worker,) = single._pool._workers
        os.kill(worker.pid, signal.SIGSTOP)
        pairs = open_pairs(10)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(single.grade_many, pairs)
            assert eventually(lambda: worker.busy)
            os.kill(worker.pid, signal.SIGKILL)
            found = [grade.reason for grade in waiting.result()]
        faults = [i for i, reason in enumerate(found) if reason not in (Reason.match, Reason.mismatch)]
        assert len(faults) <= 1
        assert [r for i, r in enumerate(found) if i not in faults] == [
            r for i, r in enumerate([Reason.match, Reason.mismatch] * 5) if i not in faults
        ]


@pytest.mark.parametrize("again", [True, False])
def test_a_job_that_gets_no_processor_is_given_more_time(
    again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        processes, "BACKSTOP", 400.0 if again else 4.0
    )  # where it comes back, any machine will do
    with Grader(workers=1, timeout_s=0.4) as single:
        single.grade_many([OPEN])
        assert single._pool is not None
        (worker,) = single._pool._workers
        os.kill(worker.pid, signal.SIGSTOP)
        started = time.monotonic()
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(single.grade_many, open_pairs(1))
            time.sleep(0.8)
            if again:
                os.kill(worker.pid, signal.SIGCONT)
            (found,) = waiting.result()
        # Its gold was not read yet, so the gold is what a worker that never comes back is thought to hang on.
        assert found.reason is (Reason.match if again else Reason.unparsable_gold)
        assert again or time.monotonic() - started > 1.5


def test_easy_pairs_start_as_many_workers_as_were_asked_for() -> None:
    with Grader(workers=2) as both:
        found = both.grade_many(open_pairs(120))
        assert [grade.correct for grade in found] == [True, False] * 60
        assert (both.counts.started, both.counts.killed) == (2, 0)


def test_threads_share_one_grader(grader: Grader) -> None:
    def work(k: int) -> list[bool | None]:
        pairs = [
            (rf"\boxed{{\frac{{x^2-{i * i}}}{{x-{i}}}}}", f"x+{i + k % 2}")
            for i in range(1 + 20 * k, 21 + 20 * k)
        ]
        return [got.correct for got in grader.grade_many([*pairs, (HANGS % (300 + k), r"\pi")])]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(work, range(4)))
    assert found == [[k % 2 == 0] * 20 + [False] for k in range(4)]


def test_asyncio(grader: Grader) -> None:
    async def both() -> list[list[Grade]]:
        one = grader.grade_many_async([(HANGS % 51, r"\pi")])
        other = grader.grade_many_async([(r"\boxed{4}", "4")])
        return list(await asyncio.gather(one, other))

    (slow,), (quick,) = asyncio.run(both())
    assert (slow.reason, quick.reason) == (Reason.timeout, Reason.match)


def test_not_in_the_main_thread() -> None:
    found: list[Grade] = []
    thread = threading.Thread(target=lambda: found.append(grade(*OPEN)))
    thread.start()
    thread.join()
    # The thread that first used the shared grader is gone; its workers are not.
    assert [found[0].reason, grade(r"\boxed{\sin(x)+5}", r"\tan(x)").reason] == [Reason.mismatch] * 2


def test_a_forked_child_gets_workers_of_its_own(grader: Grader) -> None:
    grader.grade_many([OPEN])
    pid = os.fork()
    if pid == 0:
        got = grader.grade_many([(r"\boxed{\sin(x)+7}", r"\tan(x)")])[0]
        grader.close()
        os._exit(0 if got.reason is Reason.mismatch else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert grader.grade_many([(r"\boxed{\sin(x)+8}", r"\tan(x)")])[0].reason is Reason.mismatch


def test_close_leaves_nothing() -> None:
    before = set(children(os.getpid()))
    with Grader() as some:
        some.grade_many([OPEN])
        own = set(children(os.getpid())) - before
        assert len(own) == 2
    assert not any(alive(pid) for pid in own)
    assert set(children(os.getpid())) <= before


def test_close_gives_all_descriptors_back() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(2):
        with Grader() as used:
            used.grade_many([OPEN])
        Grader()._open_pool().close()
    assert descriptors() <= before


CHILD = rf"""
import sys
from leadline.grading import Grader
with Grader(workers=2) as grader:
    grader.grade_many([({OPEN[0]!r}, {OPEN[1]!r})])
    print("begun", flush=True)
    grader.grade_many([({HANGS!r} % (900 + i), r"\pi") for i in range(50)])
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL", "SIGTERM"])
def test_no_worker_outlives_its_parent(name: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout is not None
    child.stdout.readline()
    assert eventually(lambda: len(children(child.pid)) >= 2)
    below = children(child.pid)
    child.send_signal(getattr(signal, name))
    child.wait(timeout=60)
    child.stdout.close()
    assert eventually(lambda: not any(alive(pid) for pid in below))


def test_text_is_never_evaluated(grader: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    attacks = [
        f"__import__('os').system('touch {canary}')",
        f"open('{canary}','w')",
        rf"\operatorname{{eval}}(open('{canary}','w'))",
        f"[open('{canary}','w') for x in (1,)]",
        rf"\gcd(open('{canary}','w'), 3)",
        rf"\sin(\text{{open('{canary}','w')}})",
        rf"\input{{|touch {canary}}}",
    ]
    for attack in attacks:
        for pair in (
            (rf"\boxed{{{attack}}}", r"\pi"),
            (r"\boxed{\pi}", attack),
            (f"The answer is {attack}", "7"),
        ):
            assert grader.grade_many([pair])[0].correct is not True
    assert not canary.exists()


def test_a_server_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    broken = Grader()
    with pytest.raises(LeadlineError, match="did not start"):
        broken.grade_many([OPEN])
    assert broken.grade_many([(r"\boxed{3}", "3")])[0].correct
    broken.close()


def test_a_closed_pool_refuses() -> None:
    pool = WorkerPool(1, 1.0, 400)
    pool.close()
    pool.close()
    with pytest.raises(LeadlineError, match="closed"):
        pool.submit([Task("1", "x", ())])


def test_importing_is_light() -> None:
    program = (
        "import sys, json, leadline.grading as g; g.grade(r'\\boxed{1/2}', '0.5');"
        "heavy = ('torch', 'sympy', 'math_verify', 'mpmath', 'transformers');"
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert json.loads(shown) == []
