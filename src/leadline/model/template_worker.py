"""The process that renders chat templates: a file of its own, which imports jinja2 and nothing of leadline.

Started as ``python -P template_worker.py MEGABYTES SECONDS``. Reads one JSON object a line, ``{"template", "turns",
"names"}``, and answers one line, ``{"text"}`` or ``{"fault"}``. The environment is the one that chat templates are
written for (as ``transformers`` sets it up): sandboxed and immutable, blocks trimmed, loop controls, ``tojson``
without HTML escapes, ``raise_exception``, ``strftime_now``, and ``{% generation %}`` blocks, which only mark text.

The limits are the kernel's: address space above what the interpreter takes itself, and processor time a rendering,
at whose end the process is killed. What a busy machine does to a clock on the wall changes nothing.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from datetime import datetime
from functools import lru_cache
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

MAX_TEXT = 4 * 2**20


class _Generation(jinja2.ext.Extension):
    """``{% generation %}...{% endgeneration %}`` marks what the assistant said; here it is that text."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 declares it

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.Scope(body, lineno=line)


def _refuse(message: object) -> None:
    raise jinja2.TemplateError(str(message))


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


@lru_cache(maxsize=4)
def _compiled(template: str) -> jinja2.Template:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(template)


def answer(request: dict[str, Any]) -> dict[str, str]:
    """One rendering: its text, or why there is none."""
    try:
        text = _compiled(request["template"]).render(
            messages=request["turns"],
            tools=None,
            documents=None,
            add_generation_prompt=True,
            **request["names"],
        )
    except MemoryError:
        return {"fault": "takes too much memory"}
    except RecursionError:
        return {"fault": "is nested too deeply"}
    except jinja2.TemplateError as fault:  # what a template raises itself says all there is to say
        name = "" if type(fault) is jinja2.TemplateError else f"{type(fault).__name__}: "
        return {"fault": name + str(fault)[:300]}
    except Exception as fault:  # a template is a program, and may fail in any way
        return {"fault": f"{type(fault).__name__}: {str(fault)[:300]}"}
    if len(text) > MAX_TEXT:
        return {"fault": f"gives a text of {len(text):,} characters"}
    return {"text": text}


def main(megabytes: int, seconds: float) -> None:
    """Answer until the pipe is closed."""
    with open("/proc/self/statm") as sizes:
        own = int(sizes.read().split()[0]) * resource.getpagesize()
    limit = own + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair, which then closes the pipe
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, seconds)  # at its end the kernel kills this process
        said = answer(json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(json.dumps(said).encode() + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
