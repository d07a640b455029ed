"""What the phrases announce that announce an answer; nothing where they only deny, or suppose."""

from __future__ import annotations

import re

from leadline.grading.text.announcing import announcing
from leadline.grading.text.statements import value_of
from leadline.grading.text.withdrawals import withdrawn

__all__ = ["last_anchored", "without_label"]

ANSWER_WITHIN = 2_000
"""Characters behind a phrase that may belong to the answer."""

_NEGATED = re.compile(
    r"\banswers?\s+(?:can\s?not|can't|could\s+not|couldn't|should\s+not|shouldn't|is\s?n't|is\s+not|must\s+not|may\s+not"
    r"|might\s+not|won't|will\s+not|would\s+not|wouldn't|does\s+not|doesn't)\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"(?:(?:definitely|certainly|clearly|surely|probably|obviously|also)\s+)?(?:not|never|neither|n't)\b[^\n.]*[\d$\\]"
)
_SUPPOSED = re.compile(
    r"\b(?:suppose|supposing|assum(?:e|ing)|imagine|if|whether|unless|pretend|guess)(?:\s+that)?"
    r"(?:\s+(?:the|my|our|your|an?|this))?(?:\s+(?:final|correct|right))?\s*$",
    re.IGNORECASE,
)
_WRONGLY = re.compile(
    r"(?:\b(?:wrong|incorrect|false|mistaken|naive|falsche|fausse|mauvaise|incorrecta|неправильный|неверный)|错误的?|不正确的)\s*$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\.(?=\s+[A-Z\[<]|\s*$)|\n|[。।]|(?<=[.$)}\s])\s*I hope it is", re.IGNORECASE)
_DISOWNED = re.compile(
    r"[^,;\n]{1,30}?,?\s+(?:which|but\s+(?:that|this|it))\s+(?:is|was)\s+(?:wrong|incorrect|not\s+(?:right|correct))\b"
)
_OPENING = re.compile(r"\A[\s#]*(?:```\w*\s*\n\s*)?")
_LABEL = re.compile(
    r"^\s*(?:\\(?:text|textbf|mathbf|mathrm|textit)\s*\{\s*)?\**\s*(?:the\s+)?(?:final\s+|correct\s+)?"
    r"(?:answers?|option|choice|答案|答|ответ|respuesta|antwort|réponse)\s*(?:is\b|[:：=])\s*\**\s*(?P<close>\})?\s*",
    re.IGNORECASE,
)


def last_anchored(text: str, start: int) -> str | None:
    """What the last announcing phrase from ``start`` on announces; None without one, empty if it only denies.

    >>> last_anchored("The answer is 5. No, the answer is $6$.", 0), last_anchored("The answer cannot be 5.", 0)
    ('$6$', '')
    """
    found: str | None = None
    for match in reversed(list(announcing(text).finditer(text, start))):
        rest = text[match.end() : match.end() + ANSWER_WITHIN]
        before = text[max(0, match.start() - 60) : match.start()]
        if _NOT.match(rest) or _SUPPOSED.search(before) or _WRONGLY.search(before):
            found = ""
            continue
        content, end = _sentence(rest)
        if content:
            return "" if withdrawn(rest, end, content) or _DISOWNED.match(rest) else content
    return "" if found is None and _NEGATED.search(text, start) else found


def _sentence(text: str) -> tuple[str | None, int]:
    """The statement at the start of ``text``, if it is about a value and not prose; and where it ends."""
    shown = _OPENING.sub("", text)
    end = _SENTENCE_END.search(shown, _leading_formula(shown))
    stop = end.start() if end else len(shown)
    return value_of(shown[:stop].strip()), len(text) - len(shown) + stop


def _leading_formula(text: str) -> int:
    """Where a formula ends that ``text`` starts with: what looks like the end of a sentence inside is none."""
    for opening, closing in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if text.startswith(opening):
            end = text.find(closing, len(opening))
            return end + len(closing) if 0 < end < ANSWER_WITHIN and "\n\n" not in text[:end] else 0
    return 0


def without_label(text: str) -> str:
    r"""The content of a box or tag without "Answer:" in front of it.

    >>> without_label(r"\text{Final answer: }\frac{1}{2}"), without_label(r"\text{answer: 5}")
    ('\\frac{1}{2}', '\\text{5}')
    """
    match = _LABEL.match(text)
    if match is None or not text[match.end() :].strip():
        return text
    opened = "{" in match.group() and not match.group("close")
    return (r"\text{" if opened else "") + text[match.end() :]
