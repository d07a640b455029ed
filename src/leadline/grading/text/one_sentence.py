"""What one sentence states: a response of one ("He bought 5 apples.", "Yes, it is."), or the last one of several."""

from __future__ import annotations

import re

from leadline.grading.text.dollars import inside_math, math_spans, without_math
from leadline.grading.text.statements import NUMBER, hedged, supposed, with_unit

__all__ = ["one_sentence", "summed_up"]

MOST_WORDS = 14
LONGEST = 400
"""Characters of a sentence that is looked at as a whole."""

_SUBJECT = r"(?:I|[A-Z][a-z]+|he|she|it|they|we|you)(?:['’][a-z]{1,2})?"
_SENTENCE = re.compile(rf"{_SUBJECT}\s+[a-z]|-?\d[\d,.]*\s+(?:[a-z]+\s+)?(?:remains?|are|were)\b")
# What begins like this is a step or a plan; behind "then" and its like an equation is looked for elsewhere.
_STEP = re.compile(
    r"(?:first|second|next|then|now|finally|let|lets|step|question|problem|suppose|assume|if|when|try|consider|note|given|hint"
    r"|example|case|to|start|begin|take|multiply|add|divide|subtract|square|double|round|check|use|write|find|compute"
    r"|calculate|solve)(?:['’]s)?\b|(?:we|i)\s+(?:need|have|want|must|should)\s+to\b",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:so|thus|hence|therefore)\b[,:\s]*", re.IGNORECASE)
# Words that make another number of the one that stands there.
_OTHER_NUMBER = re.compile(
    r"\b(?:roots?|squared?|cubed?|half|halves|thirds?|fourths?|quarters?|times|plus|minus|over|percent|divided|multiplied|dozens?|pairs?"
    r"|hundred|thousand|million|billion|log|sine?|cosine|power|factorial|out of|of the|sum of|product of"
    r"|each|every|per|and|or|nor|but)\b"
    r"|[=<>+*/^:%]",
    re.IGNORECASE,
)
_CALCULATION = "0123456789 .,()+-*/×÷%$"
_RESULT = re.compile(rf"\s*(?P<price>\\?\$\s?)?(?P<value>{NUMBER.pattern})(?P<behind>[^\d\0]*)")
_SUMMARY = re.compile(
    r"\b(?:altogether|together|in (?:total|all)|total|sum|adding|left|remaining|remains?)\b", re.IGNORECASE
)
_YES_OR_NO = re.compile(r"(?P<said>[Yy]es|[Nn]o)[,.!;]\s+[a-z'’]+(?:\s+[a-z'’]+){0,7}[.!]?")
_NAMED = re.compile(
    r"(?:It|That|This|The (?:[a-z]+ ){1,5}?)\s*(?:['’]s|is|was|(?:would|must|should) be)\s+(?:an?\s+|the\s+)?"
    r"(?P<said>[A-Za-z]+(?: [A-Za-z]+)?)[.!]?"
)
_CHOICE = re.compile(
    r"(?:therefore|thus|so|hence|choose|pick|select|answer)[,:]?\s+(?:option\s+)?\(?(?P<said>(?-i:[A-J]))\)?[.!]?",
    re.IGNORECASE,
)


def one_sentence(text: str) -> str | None:
    """What a response of one short sentence states; None where that is no one thing, or the response is another.

    >>> one_sentence("He bought 5 apples."), one_sentence("Yes, it is."), one_sentence("The day is Monday.")
    ('5', 'Yes', 'Monday')
    >>> one_sentence("Then multiply by 5."), one_sentence("He bought 5 of the 8 apples."), one_sentence("5 apples")
    (None, None, None)
    """
    outside = without_math(text)
    if len(outside.split()) > MOST_WORDS or re.search(r"[.!?;]\s+\S", outside):
        return None
    if (said := _YES_OR_NO.fullmatch(outside) or _CHOICE.fullmatch(outside)) is not None:
        return said.group("said")
    clause = _LEAD.sub("", outside)
    if hedged(outside) or _STEP.match(clause) or supposed(clause):
        return None
    if re.search(r"[\d\0]", outside):
        return _only_number(text, outside) if _SENTENCE.match(outside) else None
    named = _NAMED.fullmatch(outside)
    return named.group("said") if named else None


def summed_up(sentence: str) -> str | None:
    """What the last sentence of a text works out or sums up; None in any other sentence.

    >>> summed_up("She sold 48 + 24 = 72 clips in both months."), summed_up("She sold 72 clips altogether.")
    ('72', '72')
    >>> summed_up("Then she sold 72 clips in May."), summed_up("If 48 + 24 = 72, we are done.")
    (None, None)
    """
    outside = without_math(sentence)
    if len(outside) > LONGEST or hedged(outside) or supposed(outside):
        return None
    if (result := _worked_out(outside)) is not None:
        return result
    return _only_number(sentence, outside) if _SUMMARY.search(outside) and not _STEP.match(outside) else None


def _worked_out(outside: str) -> str | None:
    """The result in "... 48 + 24 = 72 clips": of one equation, between numbers alone."""
    left, sign, right = outside.partition("=")
    calculation = left[len(left.rstrip(_CALCULATION)) :].strip(" ($")
    result = _RESULT.fullmatch(right) if sign and "=" not in right else None
    if result is None or not calculation[:1].isdigit() or not set(calculation) & set("+-*/×÷"):
        return None
    return ("\\$" if result.group("price") else "") + with_unit(right, *result.span("value"))


def _only_number(text: str, outside: str) -> str | None:
    formulas, numbers = list(math_spans(text)), list(NUMBER.finditer(outside))
    if len(formulas) + len(numbers) != 1:
        return None
    start, end = (formulas[0] if formulas else numbers[0]).span()
    if _OTHER_NUMBER.search(f"{outside[:start]} {outside[end:]}"):
        return None
    if formulas:
        return inside_math(formulas[0])
    price = outside[:start].endswith("$")
    return ("\\$" if price else "") + with_unit(text, start, end)
