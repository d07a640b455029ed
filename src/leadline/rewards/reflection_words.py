"""The frozen table of reflecting words: four behaviours, each a set of patterns over the lower-cased text.

Source: the behaviour words of the reflection reward (arXiv 2603.14041), with the ordinary endings of each.
Rules that every row follows:

- a pattern is matched between word boundaries, so ``prefix`` is no ``fix`` and ``contest`` no ``test``;
- the hits of one behaviour never overlap: the leftmost wins, and at the same place the row that stands first
  (rows of several words stand before rows of one);
- behaviours are counted apart, so the "step" in "incorrect step" is also a sub-goal;
- every repetition in a pattern is bounded, so that no text can make the search super-linear.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["ANY", "BEHAVIOURS", "PATTERNS", "TABLE", "ReflectionWord"]

_B, _V, _S, _W = "backtracking", "verification", "sub-goals", "backward"
_GAP = r"[\s-]{1,3}"
_WORDS = r"(?:\s{1,3}[^\s.!?]{1,20})"
_NUMBER = r"(?:\d{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|several)"
_FROM = rf"{_WORDS}{{0,3}}\s{{1,3}}from{_WORDS}{{0,2}}\s{{1,3}}"


class ReflectionWord(NamedTuple):
    """One row: the behaviour, the word it stands for, a piece that every match contains, and the pattern."""

    behaviour: str
    word: str
    stem: str
    pattern: str


TABLE: tuple[ReflectionWord, ...] = (
    ReflectionWord(_B, "flawed approach or step", "flawed", rf"flawed{_GAP}(?:approach(?:es)?|steps?)"),
    ReflectionWord(
        _B, "incorrect approach or step", "incorrect", rf"incorrect{_GAP}(?:approach(?:es)?|steps?)"
    ),
    ReflectionWord(_B, "re-evaluate", "evaluat", r"re[\s-]?evaluat(?:e|es|ed|ing|ion)"),
    ReflectionWord(_B, "backtrack", "backtrack", r"backtrack(?:s|ed|ing)?"),
    ReflectionWord(_B, "error", "error", r"errors?"),
    ReflectionWord(_B, "fix", "fix", r"fix(?:es|ing)?"),
    ReflectionWord(_B, "mistake", "mistak", r"mistak(?:e|es|en|enly)"),
    ReflectionWord(
        _V, "unit/dimension analysis", "analysis", rf"(?:units?|dimensions?|dimensional){_GAP}analysis"
    ),
    ReflectionWord(_V, "edge-case check", "check", rf"edge{_GAP}cases?{_GAP}check(?:s|ed|ing)?"),
    ReflectionWord(
        _V, "boundary check", "check", rf"boundary{_GAP}(?:(?:conditions?|values?){_GAP})?check(?:s|ed|ing)?"
    ),
    ReflectionWord(_V, "cross-/re-validate", "validat", r"(?:cross|re)[\s-]?validat(?:e|es|ed|ing|ion)"),
    ReflectionWord(_V, "verify", "verif", r"verif(?:y|ies|ied|ying|ication)"),
    ReflectionWord(_V, "check", "check", r"check(?:s|ed|ing)?"),
    ReflectionWord(_V, "confirm", "confirm", r"confirm(?:s|ed|ing|ation)?"),
    ReflectionWord(_V, "test", "test", r"test(?:s|ed|ing)?"),
    ReflectionWord(
        _S,
        "decompose into N",
        "decompos",
        rf"decompos(?:e|es|ed|ing){_WORDS}{{0,4}}\s{{1,3}}into\s{{1,3}}{_NUMBER}",
    ),
    ReflectionWord(_S, "milestone N", "milestone", rf"milestones?(?:\s{{1,3}}#?|#){_NUMBER}"),
    ReflectionWord(_S, "checkpoint N", "checkpoint", rf"checkpoints?(?:\s{{1,3}}#?|#){_NUMBER}"),
    ReflectionWord(
        _S,
        "track progress",
        "progress",
        r"track(?:s|ed|ing)?\s{1,3}(?:(?:of|the|our|my)\s{1,3}){0,2}progress",
    ),
    ReflectionWord(_S, "subtask", "task", r"sub-?tasks?"),
    ReflectionWord(_S, "step", "step", r"steps?"),
    ReflectionWord(_S, "stage", "stage", r"stages?"),
    ReflectionWord(_S, "phase", "phase", r"phases?"),
    ReflectionWord(_W, "work(ing) backwards", "backward", rf"work(?:s|ed|ing)?{_GAP}backwards?"),
    ReflectionWord(_W, "reverse engineer", "revers", rf"revers(?:e|es|ed|ing){_GAP}engineer(?:s|ed|ing)?"),
    ReflectionWord(_W, "reverse logic", "revers", rf"revers(?:e|es|ed|ing){_GAP}logic"),
    ReflectionWord(_W, "deduce from final", "deduc", rf"deduc(?:e|es|ed|ing){_FROM}final"),
    ReflectionWord(_W, "deduce from outcome", "deduc", rf"deduc(?:e|es|ed|ing){_FROM}outcomes?"),
    ReflectionWord(_W, "target", "target", r"target(?:s|ed|ing)?"),
    ReflectionWord(_W, "goal", "goal", r"goals?"),
    ReflectionWord(_W, "required", "required", r"required"),
)

BEHAVIOURS: tuple[str, ...] = tuple(dict.fromkeys(row.behaviour for row in TABLE))


def _compiled(behaviour: str) -> re.Pattern[str]:
    rows = "|".join(row.pattern for row in TABLE if row.behaviour == behaviour)
    return re.compile(rf"\b(?:{rows})\b")


PATTERNS: MappingProxyType[str, re.Pattern[str]] = MappingProxyType(
    {name: _compiled(name) for name in BEHAVIOURS}
)

# Most texts of a small model hold no reflecting word: one quick search tells, before the four exact ones.
ANY: re.Pattern[str] = re.compile("|".join(sorted({row.stem for row in TABLE})))
