"""LaTeX read and compared by math-verify: its own limits off, its reader of Python expressions shut. Workers only."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

import sympy
import sympy.physics.units  # reads its own names through the evaluation that is shut below, so it has to come first
from latex2sympy2_extended import NormalizationConfig, latex2sympy2, normalize_latex
from math_verify import verify
from math_verify.parser import parse_latex_cached
from sympy.parsing import sympy_parser

from leadline.grading.verdict import Strictness

__all__ = ["forget", "parsed", "verified"]

logging.getLogger("math_verify").setLevel(logging.ERROR)


def _refuse(*_: Any, **__: Any) -> Any:
    raise SyntaxError("text is never evaluated here")


def _read_number(text: str) -> sympy.Number:
    return sympy.Integer(int(text)) if text.isdecimal() else sympy.Float(text)


# The LaTeX parser hands every numeral to sympy as a string, which sympy turns into Python code and evaluates. We read
# numerals ourselves (many times faster, too), and shut that door for good: no text is ever evaluated in this process.
latex2sympy2._Latex2Sympy.parse_number = lambda _, text: _read_number(text.replace(",", ""))
latex2sympy2.Number = _read_number
sympy_parser.eval_expr = _refuse
_CONFIG = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none", equations=False
)


@lru_cache(maxsize=1_024)
def parsed(latex: str) -> Any:
    """The sympy object that ``latex`` spells, or None if the parser does not read it."""
    try:
        return parse_latex_cached(normalize_latex(latex, _CONFIG))
    except MemoryError:
        raise
    except Exception:
        return None


def forget() -> None:
    """Empty the caches."""
    parsed.cache_clear()
    parse_latex_cached.cache_clear()


def verified(gold: str, answer: str, comparison: Strictness) -> bool:
    """Whether math-verify reads both, and finds them equal."""
    g, a = parsed(gold), parsed(answer)
    if g is None or a is None:
        return False
    return bool(
        verify(
            g,
            a,
            float_rounding=comparison.precision,
            strict=comparison.strict,
            allow_set_relation_comp=comparison.allow_set_relation_comp,
            timeout_seconds=None,
        )
    )
