"""Answers that are taken back straight after they were given: "12. Wait, that is wrong."."""

from __future__ import annotations

import re

__all__ = ["unfinished", "withdrawn"]

WITHIN = 240
"""Characters behind an answer in which it may be taken back."""

_WRONG = (
    r"(?:(?:clearly|obviously|actually|also|still|probably)\s+)?(?:wrong|incorrect|mistaken|impossible|invalid|false|an?\s+(?:mistake|error)"
    r"|not\s+(?:quite\s+)?(?:right|correct|true|possible|valid|it|the\s+(?:(?:final|right|correct)\s+)?answer)(?!\s+(?:unless|if|what|only)))\b"
)
_THAT = r"(?:that|this|it|the\s+answer)(?:\s+(?:is|was|can(?:no|')t\s+be|must\s+be|looks|seems)|'s|’s)"
_CLOSING = r"[\s$*)\]}]*(?:\\[)\]])?[\s$*]*"
_OH = r"(?:(?:hmm+|wait|no|oh|oops|actually|hold on|but|sorry|well|nope)\b[\s,.!…:—-]*)"
# Straight on, in the same sentence.
_AT_ONCE = re.compile(
    rf"{_CLOSING},?\s*(?:(?:(?:but|which|though|however,?)\s+)?(?:{_THAT}|is|was|cannot be|can't be)\s+{_WRONG}"
    rf"|(?:but|which)\s+(?:is|was)\s+{_WRONG})",
    re.IGNORECASE,
)
_NEXT = re.compile(
    rf"{_CLOSING}[.!?,;…—-]*[\s*]*(?:{_OH}{{0,4}}{_THAT}\s+{_WRONG}"
    rf"|{_OH}{{1,4}}(?:I\s+(?:made|see)\s+(?:an?|my)\s+(?:\w+\s+)?(?:mistake|error)|scratch\s+that|never\s*mind|just\s+kidding)"
    rf"|{_OH}{{0,4}}(?:scratch\s+that|just\s+kidding|or\s+(?:maybe|perhaps|possibly|is\s+it|alternatively)\b))",
    re.IGNORECASE,
)
_EXCLAIMED = re.compile(rf"{_CLOSING}[.!?,;…—-]*[\s*]*{_OH}", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"\s(?:and|so|then|thus|hence|because|since|the|an|is|are|with|where|but|or|which|that|we|of|to|for|by|if)\s*$|[=,(]\s*$"
)


def withdrawn(text: str, end: int, answer: str) -> bool:
    r"""Whether ``answer``, which ends at ``end`` in ``text``, is taken back right there.

    Of words and options "this is false" may be what they say, so there it takes a "wait" or the like.

    >>> withdrawn(r"\boxed{18}. Wait, that's wrong.", 10, "18"), withdrawn(r"\boxed{18}. That is right.", 10, "18")
    (True, False)
    >>> withdrawn("The answer is C. This is false, as B holds.", 15, "C")
    False
    """
    behind = text[end : end + WITHIN]
    if _AT_ONCE.match(behind) is None and _NEXT.match(behind) is None:
        return False
    return re.search(r"\d", answer) is not None or _EXCLAIMED.match(behind) is not None


def unfinished(text: str) -> bool:
    """Whether a text breaks off in the middle of a sentence.

    >>> unfinished("Then 8 + 9 = 17, and so"), unfinished("Then 8 + 9 = 17.")
    (True, False)
    """
    return _UNFINISHED.search(text[-60:]) is not None
