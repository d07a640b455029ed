"""Posting JSON to a server that may be busy, restarting, gone or hostile: retries, deadlines, and no redirects."""

from __future__ import annotations

import asyncio
import math
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from leadline.errors import ConfigError, InputError, LeadlineError
from leadline.storage.jsonl import DECODER

__all__ = ["Poster", "check_key", "check_url"]

MAX_BYTES = 16 * 2**20
_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_PAUSE_S = 30.0
_SHOWN = 300


class _Passing(Exception):
    """A fault that may pass: no connection, a busy server. ``pause_s``: what the server asked for, if it did."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


def check_url(url: str) -> str:
    """A URL that requests can go to, without the slash at its end.

    Raises:
        ConfigError: it is none, or carries a password, a query or a fragment. The message never shows a password.
    """
    hidden = re.sub(r"//[^/]*@", "//...@", url)
    shown = f"url: expected http://... or https://..., got {hidden!r:.200}"
    if not url.startswith(("http://", "https://")):
        raise ConfigError(shown)
    try:
        parsed = httpx.URL(url)
        port = parsed.port
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigError(f"{shown}: {_visible(str(error))}") from None
    if parsed.userinfo or "@" in parsed.netloc.decode("ascii", "replace"):
        raise ConfigError(f"{shown}: no name or password in it; a key goes into the environment")
    if not parsed.host or (port is not None and not 0 < port < 65536):
        raise ConfigError(f"{shown}: no host, or no port, to connect to")
    if parsed.query or parsed.fragment or "?" in url or "#" in url:
        raise ConfigError(f"{shown}: nothing behind ? or # is sent")
    return url.rstrip("/")


def check_key(key: str | None, variable: str) -> str | None:
    """A key as it is sent: blanks and line breaks around it, as a file or a paste leaves them, are cut off.

    Raises:
        ConfigError: it holds what no header may hold. The message does not show it.
    """
    stripped = (key or "").strip()
    if not stripped:
        return None
    if re.fullmatch(r"[\x21-\x7e]+", stripped) is None:
        raise ConfigError(
            f"{variable}: holds blanks, control characters or letters beyond ASCII, so it is no key"
        )
    return stripped


class Poster:
    """Posts JSON bodies to one URL, several at a time. An asynchronous context manager.

    Args:
        url: where to; see :func:`check_url`.
        key: sent as a bearer token, to this URL alone; never shown.
        connections: open at once.
        timeout_s: of one request from its first byte to the last of its answer, however it trickles in.
        patience_s: for how long a request is tried again, from its first failure on.
        pause_s: before the first of these times.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        connections: int = 16,
        timeout_s: float = 600.0,
        patience_s: float = 300.0,
        pause_s: float = 0.25,
    ) -> None:
        self.url, self.patience_s = url, patience_s
        self._key, self._timeout_s, self._pause_s = key, timeout_s, pause_s
        self._connections = connections
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        headers = {"Accept-Encoding": "identity"}  # nothing to unpack, so nothing that swells
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        limits = httpx.Limits(max_connections=self._connections)
        # The deadline of a request is kept in _once: these clocks would begin anew with every byte.
        self._client = httpx.AsyncClient(headers=headers, limits=limits, timeout=None, follow_redirects=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def post(self, body: Mapping[str, Any], on_fault: Callable[[str], None] | None = None) -> Any:
        """The JSON that the server answers.

        Connection failures, time-outs, broken answers and the statuses that mean "later" are tried again,
        with pauses that double from ``pause_s`` to 30 s (or as the server's ``Retry-After`` says), half of each at
        random.

        Args:
            body: the request.
            on_fault: told of every fault after which the request is tried again.

        Raises:
            InputError: the server refuses the request or sends it elsewhere: trying again would not help.
            LeadlineError: it did not answer within ``patience_s``.
        """
        pause, deadline = self._pause_s, 0.0
        while True:
            try:
                return await self._once(body)
            except _Passing as fault:
                now = time.monotonic()
                deadline = deadline or now + self.patience_s
                if now >= deadline:
                    raise LeadlineError(f"{self.url}: gave up after {self.patience_s:g} s: {fault}") from None
                if on_fault is not None:
                    on_fault(str(fault))
                length = max(pause * random.uniform(0.5, 1.0), fault.pause_s)
                await asyncio.sleep(min(length, max(deadline - now, 0.0)))
                pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _once(self, body: Mapping[str, Any]) -> Any:
        assert self._client is not None
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", self.url, json=body) as answer,
            ):
                content = await self._content(answer)
        except TimeoutError:
            raise _Passing(f"no whole answer within {self._timeout_s:g} s") from None
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL) as error:
            raise InputError(f"{self.url}: {self._shown(error)}") from None
        except (httpx.HTTPError, OSError, ssl.SSLError) as error:
            raise self._unreachable(error) from None
        try:
            return DECODER.decode(content.decode("utf-8"))
        except (ValueError, RecursionError):  # a server that is killed can leave half an answer
            raise _Passing("the answer is not JSON") from None

    async def _content(self, answer: httpx.Response) -> bytes:
        if answer.is_redirect or 300 <= answer.status_code < 400:
            place = self._shown(answer.headers.get("Location", "elsewhere"))
            raise InputError(
                f"{self.url}: HTTP {answer.status_code}: sends the request on to {place}, where it is not sent "
                "(with it would go the key); give that address if you trust it"
            )
        limit = MAX_BYTES if answer.status_code == 200 else 2000
        content = bytearray()
        async for piece in answer.aiter_raw():
            content += piece
            if len(content) > limit:
                break
        if answer.status_code != 200:
            raise self._refusal(answer, bytes(content[:2000]))
        if len(content) > MAX_BYTES:
            raise InputError(f"{self.url}: the answer is longer than {MAX_BYTES:,} bytes")
        return bytes(content)

    def _refusal(self, answer: httpx.Response, content: bytes) -> Exception:
        said = self._shown(content.decode("utf-8", "replace").strip()) or answer.reason_phrase
        why = f"HTTP {answer.status_code}: {said}"
        if answer.status_code in _PASSING:
            return _Passing(why, _seconds(answer.headers.get("Retry-After")))
        return InputError(f"{self.url}: {why}")

    def _unreachable(self, error: Exception) -> Exception:
        """A connection that fails: for good where the name or the certificate is wrong, else perhaps not."""
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return InputError(
                    f"{self.url}: its certificate is not trusted: {self._shown(cause.verify_message)}"
                )
            if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME:
                return InputError(f"{self.url}: there is no host of that name")
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
        why = self._shown(error) or "the connection broke"
        return _Passing(
            "ConnectionRefusedError: nobody listens there" if refused else f"{type(error).__name__}: {why}"
        )

    def _shown(self, text: object) -> str:
        """What somebody else said, short, without control characters and without the key."""
        said = str(text)
        return _visible(said.replace(self._key, "[key]") if self._key else said)


def _visible(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\u00a1-\u1fff\u3000-\ud7ff]", "?", " ".join(text.split()))[:_SHOWN]


def _causes(error: BaseException | None) -> Any:
    """The error, what it came from, and so on; of several that were tried at once, all."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for one in error.exceptions:
                yield from _causes(one)
        error = error.__cause__ or error.__context__


def _seconds(text: str | None) -> float:
    """A ``Retry-After`` in seconds; its date form, and what is none, count as 0; never more than a minute."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return min(max(value, 0.0), 60.0) if math.isfinite(value) else 0.0
