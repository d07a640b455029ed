"""What a sentence says that something is: the value in "so the area of the square is 25"."""

from __future__ import annotations

import re

from leadline.grading.expressions.units import read_unit
from leadline.grading.text.dollars import inside_math, math_spans, without_math, without_prices
from leadline.grading.text.withdrawals import withdrawn

__all__ = [
    "LETTERS",
    "NUMBER",
    "chosen_option",
    "concluded",
    "hedged",
    "is_value",
    "states",
    "supposed",
    "told",
    "value_of",
    "with_unit",
]

LETTERS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
NUMBER = re.compile(r"(?<![\w.,\\^{])-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:/\d+)?(?:\s?%)?")
MAX_WORDS = 6
SENTENCE = 400
"""Characters of a sentence, at most, that patterns look at which are not linear in its length."""
CLAUSE = 120
"""Characters of a clause behind "so", at most, that states the one value in it, whatever else it says."""

_VERB = re.compile(
    r"\b(?:(?:(?:it|that|there|answer|sum|total|result)['’]s|is|are|be|equals|equal to|was|were)\b[\s:]*)",
    re.IGNORECASE,
)
_SIGN = re.compile(r"[:=][\s:]*")
_FILLERS = re.compile(
    r"(?:(?:,\s*)?(?:therefore|thus|hence|then|so|of course|in fact"
    r"|clearly|simply|just|exactly|precisely|indeed|obviously|definitely|certainly|surely"
    r"|probably|(?:most )?likely|presumably"
    r"|now|also|really|actually|again|equal\s+to|given\s+by|found\s+to\s+be|either"
    r"|approximately|approx\.?|about|roughly|around|in (?:total|all)|altogether|a total of)(?![a-zA-Z])[\s:,]*"
    r"|(?:option|choice|letter|statement|la opción|l'option|l'opzione|a opção|la|die|вариант)\s+"
    r"(?=\**\(?[A-J]\b)|#+\s*)",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"(?:^|[\s,;])(?:therefore|thus|hence|so|then|conclude(?:\s+that)?)\b[\s,:]*", re.IGNORECASE
)
_DENIAL = "not|wrong|incorrect|try|hint"
# A sentence with these says what a value is not, or only where it lies.
_HEDGED = re.compile(
    r"\b(?:never|cannot|can't|isn't|aren't|(?:more|less|fewer|greater|larger|smaller|other) than"
    r"|at (?:least|most)|no (?:more|less)"
    r"|or (?:more|less|fewer|greater)|used to|previous|between|(?<!add )(?<!adds )up to|exceeds?|either"
    rf"|could|might|{_DENIAL}|[a-z]+n['’]t)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?:(?<=[\d$)}%])|(?<=\b[A-J]))\s*(?:(?:,|\band)\s*not\b.*|\((?:as|because|since)\b[^()]*\)"
    r"|,?\s*\b(?:as|because|since|which|so that|due to|according to|rather than|instead of)\b.*"
    r"|\([a-z][a-z -]+\)|,?\s*\b(?:in (?:total|all)|altogether|total)\.?"
    r"|です|だ|입니다|이다|है|!+|\s*[,，]?\s*(?:而)?不是.*)$",
    re.DOTALL,
)
_THEN = re.compile(r"\b(?:then|so|thus|hence|therefore)\b", re.IGNORECASE)
_TOLD = re.compile(
    r"(?P<value>.{1,80}?)\s+(?:is|are)\s+(?:the|our|my)\s+(?:[a-z]+\s+){0,2}(?:answers?|results?|solutions?|values?|total)\b.*",
    re.DOTALL | re.IGNORECASE,
)
_CHOSEN = re.compile(
    r"[*_(]*(?:(?i:option|choice|answer)\s+)?[*_(]*(?P<value>[A-J])[*_)]*\s+is\s+(?:the\s+)?"
    r"(?:correct|right|best)(?:\s+(?:answer|option|choice|one))?[*_]*[.!]?"
)
_SPELT_OUT = re.compile(r"(?<![a-z])[a-z]+(?:[- ][a-z]+){0,4}\s*\((-?[\d.,]+)\)")
_DENIED = re.compile(rf"\b(?:{_DENIAL})\b", re.IGNORECASE)
_HOLDERS = re.compile(r"\b(?:has|have)\s+[\d\0]")
_LINKS = frozenset(("and", "or"))
# What follows one of these is the answer, not all of the text.
_LEADS_ON = re.compile(r"[\s,;.](?:therefore|thus|hence|so|then|finally)[\s,]|[a-z]:\s.*[=\0]", re.IGNORECASE)
_DISCOURSE = re.compile(r"(?:therefore|thus|hence|so|then|we|it|the|she|he|they)\b", re.IGNORECASE)
_LAST_PRICE = re.compile(r"\\?\$\s?(-?\d[\d,]*(?:\.\d+)?)[\s.]*$")
_CIRCUMSTANCE = re.compile(
    r"(?<=[\d\0%])\s*,?\s*\b(?:attained|achieved|reached|obtained|occurring|when|where|with equality"
    r"|for (?:all|every|any))\b"
)
# Before a verb: what follows it is no statement about the answer.
_CONDITIONAL = re.compile(r"\b(?:when|where|if|whether|unless|than or|most or|least or)\b", re.IGNORECASE)
_SUPPOSED = re.compile(
    r"\s*(?:suppose|supposing|assum(?:e|ing)|imagine|let's say|if|what if|whether|consider|check|try"
    r"|(?:(?:we|i) )?(?:need|have|want) to|(?:we|i) want)\b",
    re.IGNORECASE,
)
# What is only to be done, unless the sentence says what comes of it.
_TO_DO = re.compile(
    r"\s*(?:let\b|(?:we|i|you) (?:(?:now|can|must|should|first) )?"
    r"(?:divide|multiply|add|subtract|compute|calculate|solve|use|substitute)\b)",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"\b(?:which|that|i\.e\.)\s*$")
_VALUE_FIRST = re.compile(r"[\s*]*(?:-?\d|\0)")
_GOT = re.compile(
    r"\b(?:get|gets|gives?|giving|obtain|yields?|makes?|leaves|leaving|has|have"
    r"|(?:adds?\s+up|sums?|comes?|amounts?|simplifies|reduces|evaluates)\s+to)"
    r"(?:\s+(?:us|me|you|him|her|them))?(?:\s+(?:a\s+total\s+of|exactly|only|just))?\s+"
    rf"[*]*(?P<value>\0+|{NUMBER.pattern})[\s*.]*"
    r"(?:[a-z]+[\s.]*){0,2}$"
)
_EQUATION = re.compile(r"(?:[a-zA-Z]\w{0,2}|[a-zA-Z]\([a-zA-Z0-9]\))\s*=")


def value_of(text: str) -> str | None:
    """The value in a statement behind "the answer is"; None if it is prose.

    >>> value_of("the value of $x$ is 5"), value_of("clearly $5$"), value_of("that the roots are 2 and 3")
    ('5', '$5$', '2 and 3')
    """
    while (filler := _FILLERS.match(text)) is not None and filler.end() < len(text):
        text = text[filler.end() :]
    text = _ASIDE.sub("", text)
    outside = without_math(text)
    aside = _CIRCUMSTANCE.search(outside)
    if aside is not None:
        text, outside = text[: aside.start()], outside[: aside.start()]  # "12 when x = 3"
    last = _last_copula(outside)
    before = outside[: last.start()] if last is not None else ""
    if last is not None and len(LETTERS.findall(before)) >= 2 and not _CONDITIONAL.search(before):
        text = text[last.end() :]
    text = _SPELT_OUT.sub(r"\1", _ASIDE.sub("", text.strip(" *\t\"'")))
    words = LETTERS.findall(without_math(text))
    return text if text and (len(words) <= MAX_WORDS or NUMBER.match(text)) else None


def _last_copula(outside: str) -> re.Match[str] | None:
    """The last verb that states a value, else the last sign that does."""
    for pattern in (_VERB, _SIGN):
        found = list(pattern.finditer(outside))
        if found:
            return found[-1]
    return None


def told(text: str) -> str | None:
    """The value in "42 is the answer"; None in any other text.

    >>> told("**42** is the final answer."), told("This is the answer.")
    ('**42**', None)
    """
    match = _TOLD.fullmatch(text)
    if match is None or not is_value(match.group("value")) or not re.search(r"\d|\$|\\", text):
        return None
    return match.group("value")


def chosen_option(sentence: str) -> str | None:
    """The option in "C is the correct answer"; None in any other sentence.

    >>> chosen_option("Option (C) is correct."), chosen_option("C is incorrect.")
    ('C', None)
    """
    sentence = sentence.strip()
    match = _CHOSEN.fullmatch(sentence) if len(sentence) <= SENTENCE else None  # the pattern is not linear
    return match.group("value") if match else None


def is_value(text: str) -> bool:
    """Whether a short text is nothing but an answer: mathematics, or a few words around no mathematics.

    >>> is_value("x = 3"), is_value("x + 2 = 5, so x = 3")
    (True, False)
    """
    outside = without_math(text)
    if _DISCOURSE.match(text) or _LEADS_ON.search(outside):
        return False
    if re.search(r"\d", text) and (states(outside) or _DENIED.search(outside) or supposed(outside)):
        return False
    words = [word for word in LETTERS.findall(outside) if word.lower() not in _LINKS]
    first = next(math_spans(text), None)
    if first is None:
        return len(words) <= 3
    return len(words) <= 3 and not LETTERS.search(text[: first.start()])


def states(sentence: str) -> bool:
    """Whether a sentence says that something is, has, or comes to something.

    >>> states("Adding 7 and 17 gives 24."), states("24 apples")
    (True, False)
    """
    return _VERB.search(sentence) is not None or _GOT.search(sentence[-SENTENCE:]) is not None


def hedged(sentence: str) -> bool:
    """Whether a sentence says only what a value is not, where it lies, or what it might be.

    >>> hedged("It is more than 5."), hedged("It is 5.")
    (True, False)
    """
    return _HEDGED.search(sentence) is not None


def supposed(sentence: str) -> bool:
    """Whether a sentence only supposes something, or says what is to be done.

    >>> supposed("If the answer is 5"), supposed("If x is 2, then y is 5")
    (True, False)
    >>> supposed("We divide by 5."), supposed("We add 2 and 3 to get 5.")
    (True, False)
    """
    if _TO_DO.match(sentence):
        return "=" not in sentence and not states(without_math(sentence))
    return _SUPPOSED.match(sentence) is not None and not _THEN.search(sentence)


def with_unit(text: str, start: int, end: int) -> str:
    """The number at these places of a sentence, with the unit of measurement if that ends it.

    >>> with_unit("The length is 5 m.", 14, 15), with_unit("He has 5 apples now.", 7, 8)
    ('5 m', '5')
    """
    number, name = text[start:end].rstrip(","), text[end : end + 40].strip(" .!*")
    unit = read_unit(name, upright=True) if name and not LETTERS.search(text[end + 40 :]) else None
    return number if unit is None or unit.noun else f"{number} {name}"


def concluded(sentence: str, short: bool) -> str | None:
    """What a concluding sentence says that something is; None where it names several values as parts of no one answer.

    >>> concluded("So the roots are 2 and 3.", True), concluded("So she pays $5 more, that is $12.", True)
    ('2 and 3', '12')
    >>> concluded("So the dimensions are 2 by 3.", True)
    """
    clause = sentence.strip(" *")
    if supposed(clause):
        return None
    openings = list(_CLAUSE.finditer(without_math(clause)))
    if openings and clause[openings[-1].end() :].strip(" ."):
        clause = clause[openings[-1].end() :]
        if supposed(clause):
            return None  # "so we need to find ..."
        short = short or len(clause) <= CLAUSE
    price = _LAST_PRICE.search(without_math(clause))
    if price is not None and clause.count("$") == 1:
        return rf"\${price.group(1)}"  # "in 5 hours she makes $50"
    clause = without_prices(clause)
    outside = without_math(clause)
    if hedged(outside):
        return None
    aside = _CIRCUMSTANCE.search(outside)
    if aside is not None:
        clause, outside = clause[: aside.start()], outside[: aside.start()]
    if not [word for word in LETTERS.findall(outside) if word.lower() not in _LINKS]:
        return clause.strip(" .*") if re.search(r"[\d\0]", outside) else None
    verbs = list(_VERB.finditer(outside))
    equation = _EQUATION.search(outside, verbs[-1].end() if verbs else 0)
    several = [
        verb
        for verb in verbs
        if _VALUE_FIRST.match(outside, verb.end()) and not _AGAIN.search(outside[: verb.start()])
    ]
    if (equation is None and len(several) > 1) or len(_HOLDERS.findall(outside)) > 1:
        return None  # "the smallest is 2 and the largest is 9", "Anna has 5, Ben has 3"
    got = _GOT.search(outside) if short and not verbs and equation is None else None
    if got is not None:
        return with_unit(clause, *got.span("value"))
    stated = clause[equation.start() if equation else verbs[-1].end() if verbs else 0 :]
    if verbs and not equation and not re.search(r"[\d\0]", outside[verbs[-1].end() :]):
        stated = clause[: verbs[-1].start()]  # "x > 5 is the solution"
        if withdrawn(clause, len(stated), stated):
            return None
    return _only_value(stated, short)


def _only_value(stated: str, short: bool) -> str | None:
    """The one value in ``stated``, or all of several that nothing but links stand between."""
    outside = without_math(stated)
    places = [match.span() for match in math_spans(stated)]
    places += [match.span() for match in NUMBER.finditer(outside)]
    if not places:
        return None
    places.sort()
    start, end = places[0][0], max(place[1] for place in places)
    if (equation := _EQUATION.match(outside)) is not None:
        start = equation.start()
    words_behind = LETTERS.findall(outside[end:])
    if not short and len(words_behind) > 4:
        return None
    if len(places) == 1 and start == places[0][0]:
        formula = next(math_spans(stated), None)
        return inside_math(formula) if formula else with_unit(stated, start, end)
    between = outside[start:end]
    if [word for word in LETTERS.findall(between) if word.lower() not in _LINKS]:
        return None
    return stated[start:end].rstrip(",. ")
