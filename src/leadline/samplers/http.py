"""Posting JSON to a server that may be busy, restarting or gone: retries with growing pauses, and bounds."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from leadline.errors import InputError, LeadlineError

__all__ = ["Poster"]

MAX_BYTES = 64 * 2**20
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_PAUSE_S = 30.0


class _Passing(Exception):
    """A fault that may pass: no connection, a busy server. ``pause_s``: what the server asked for, if it did."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


@dataclass(frozen=True)
class Poster:
    """Posts JSON bodies to one URL.

    Attributes:
        url: where to.
        headers: sent with every request; may hold a key, so they never appear in errors.
        timeout_s: of one request.
        patience_s: for how long a request is tried again, from its first failure on.
        pause_s: before the first of these times.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 600.0
    patience_s: float = 300.0
    pause_s: float = 0.25

    def post(
        self,
        body: Mapping[str, Any],
        wait: Callable[[float], bool] | None = None,
        on_fault: Callable[[str], None] | None = None,
    ) -> Any:
        """The JSON that the server answers.

        Connection failures, time-outs, broken answers and the statuses that mean "later" are tried again,
        with pauses that double from ``pause_s`` to 30 s (or as the server's ``Retry-After`` says), half of each at
        random.

        Args:
            body: the request.
            wait: pauses for so many seconds; returns True when the caller no longer wants the answer.
            on_fault: told of every fault after which the request is tried again.

        Raises:
            InputError: the server refuses the request (other 4xx): trying again would not help.
            LeadlineError: it did not answer within ``patience_s``.
        """
        pausing = wait or threading.Event().wait
        pause, deadline = self.pause_s, 0.0
        while True:
            try:
                return self._once(body)
            except _Passing as fault:
                now = time.monotonic()
                deadline = deadline or now + self.patience_s
                if now >= deadline:
                    raise LeadlineError(
                        f"{self.url}: gave up after {self.patience_s:g} s: {fault}"
                    ) from fault
                if on_fault is not None:
                    on_fault(str(fault))
                length = max(pause * random.uniform(0.5, 1.0), fault.pause_s)
                if pausing(min(length, max(deadline - now, 0.0))):
                    raise LeadlineError(f"{self.url}: stopped") from fault
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _once(self, body: Mapping[str, Any]) -> Any:
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **self.headers}
        request = urllib.request.Request(self.url, data=data, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as response:
                answer = response.read(MAX_BYTES + 1)
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from error
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
            why = getattr(error, "reason", error)  # of a URLError, which says no more itself
            raise _Passing(f"{type(why).__name__}: {why}") from error
        if len(answer) > MAX_BYTES:
            raise InputError(f"{self.url}: the answer is longer than {MAX_BYTES} bytes")
        try:
            return json.loads(answer)
        except (ValueError, RecursionError) as error:  # a server that is killed can leave half an answer
            raise _Passing(f"the answer is not JSON: {error}") from error

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        try:
            said = error.read(2000).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException):
            said = ""
        why = f"HTTP {error.code}: {said[:300] or error.reason}"
        if error.code in _PASSING:
            return _Passing(why, _seconds(error.headers.get("Retry-After")))
        return InputError(f"{self.url}: {why}")


def _seconds(text: str | None) -> float:
    """A ``Retry-After`` in seconds; its date form, and what is none, count as 0; never more than a minute."""
    try:
        return min(max(float(text or 0), 0.0), 60.0)
    except ValueError:
        return 0.0
