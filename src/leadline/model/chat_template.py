"""Chat templates are programs that come with a model: they are rendered in a process of their own, under limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.errors import CheckpointError
from leadline.model.pretrained import printable_ascii

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["fill_template", "render"]

MAX_TEMPLATE = 2**20
MEGABYTES = 200
SECONDS = 2.0
"""Processor time of one rendering; the templates of published models take milliseconds."""
_WORKER = Path(__file__).with_name("template_worker.py")


def fill_template(tokenizer: PreTrainedTokenizerBase, turns: Sequence[Mapping[str, str]]) -> str:
    """A chat as the text that the assistant's next turn continues.

    Raises:
        CheckpointError: the template is broken, takes too long or too much memory, or refuses such a chat (some take
            no system turn).
    """
    try:
        template = tokenizer.get_chat_template()
    except ValueError as fault:  # several templates, and none of them is the default
        raise CheckpointError(f"{tokenizer.name_or_path}: {str(fault)[:200]}") from fault
    names = {key: str(value) for key, value in tokenizer.special_tokens_map.items()}
    text, fault_ = render(template, turns, names)
    if fault_ is not None:
        roles = ", ".join(turn["role"] for turn in turns)
        raise CheckpointError(
            f"{tokenizer.name_or_path}: its chat template refuses turns of {roles}: {printable_ascii(fault_, 300)}"
        )
    return text


def render(
    template: str, turns: Sequence[Mapping[str, str]], names: Mapping[str, Any]
) -> tuple[str, str | None]:
    """The rendered text, and why there is none.

    Args:
        template: of at most ``MAX_TEMPLATE`` characters.
        turns: what the template knows as ``messages``.
        names: what else it knows: the special tokens.
    """
    if len(template) > MAX_TEMPLATE:
        return "", f"it has {len(template):,} characters"
    return _RENDERER.ask(
        {"template": template, "turns": [dict(turn) for turn in turns], "names": dict(names)}
    )


class _Renderer:
    """The one worker of this process, started when it is first needed and again when it was killed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()
        os.register_at_fork(after_in_child=self._forget)

    def ask(self, request: Mapping[str, Any]) -> tuple[str, str | None]:
        with self._lock:
            process = self._running()
            line = b""
            try:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except OSError:
                pass  # it has ended; how, is seen below
            except BaseException:  # an interrupt: its answer would be taken for that of the next request
                self._end()
                raise
            if not line.endswith(b"\n"):
                return "", self._end()
        said = json.loads(line)
        return said.get("text", ""), said.get("fault")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-P", str(_WORKER), str(MEGABYTES), str(SECONDS)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._process

    def _end(self) -> str:
        """End the worker and say why it could not answer."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()  # does nothing to one that has ended, which keeps the signal that ended it
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        if code == -signal.SIGPROF:
            return f"it takes more than {SECONDS:g} s of processor time"
        return f"its process ended ({code}), perhaps for want of memory"

    def _forget(self) -> None:
        """After a fork the worker stays the parent's."""
        self._process, self._lock = None, threading.Lock()


_RENDERER = _Renderer()
