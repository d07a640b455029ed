"""Phrases that announce an answer ("the answer is", "Ответ:", "故选"), and what they announce."""

from __future__ import annotations

import re

from leadline.grading.text.statements import value_of
from leadline.grading.text.withdrawals import withdrawn

__all__ = ["last_anchored", "without_label"]

ANSWER_WITHIN = 2_000
"""Characters behind a phrase that may belong to the answer."""

_IS = r"(?:\b(?:is|are|was|be|must\s+be|should\s+be|would\s+be|will\s+be|equals)\b|[:：=])"
_ENGLISH = (
    r"answers?\s+is\s+not\b[^\n.;]{1,40}?,?\s+but\s+(?:rather\s+)?"
    rf"|\bfinal\s+answers?\b[^\n.$\\\d]{{0,60}}?{_IS}"
    rf"|answers?\s*(?:\*\*)?\s*(?:\([^()\n]{{1,40}}\)\s*)?(?:to\b[^\n.$\\\d:]{{0,60}}?)?{_IS}"
    rf"|\b(?:correct|right|best)\s+(?:option|choice|letter|one)\b[^\n.$\\\d]{{0,40}}?{_IS}"
    rf"|\b(?:option|choice)\s*(?:is\b|[:=])"
    r"|\bI(?:\s+would|\s+will|'ll|'d)?\s+(?:choose|pick|select|go\s+with)\s+(?=[*_(]*(?:option\s+|choice\s+)?[*_(]*[A-J][*_)]*[.!]?\s*$)"
    r"|\banswer(?:\s*(?=\$|\\\[|\\\()|[*_]{2}\s*(?=[\d-])|(?<=final answer)\s*[-–—]\s+(?=[\d$\\]))"
)
_LINES = (
    r"^(?:[ \t]*(?:#{1,6}\s*)?[*_]*\s*(?:final\s+)?answers?\s*[*_]*\s*$|[ \t*]*A\s*:|[ \t>*_-]*ans\s*[.:=]"
    r"|[^\w\n]{0,8}correction\s*:\s*(?=[*_$\\\d-]))"
)
# What may stand in a text of ASCII only; the others cost their time only where they can be found.
_LATIN = (
    r"\brespuesta(?:\s+(?:final|correcta))?\s*(?:es\b|:)|\bantwort\s*(?:ist\b(?!\s+nicht\b)|lautet\b|:)"
    r"|\brisposta(?:\s+(?:finale|corretta))?\s*(?:è|:)|\bresposta(?:\s+(?:final|correta))?\s*(?:é|:)"
    r"|\bergebnis\s*(?:ist\b|lautet\b|:)|\bist\s+die\s+antwort\b|\bantwort\s+ist\s+nicht\b[^\n.]{1,40}?\bsondern\b"
    r"|\bsolution\s+est\b|\bresultado\s*(?:final\s*)?(?:es\b|é|:)|\brisultato\s*(?:è|:)|\bsvaret\s+(?:er|är)\b"
    r"|\brespuesta\s+no\s+es\b[^\n.]{1,40}?\bsino\b|\braspuns(?:ul)?(?:\s+final)?\s*(?:este\b|:)"
    r"|\bantwoord\s*(?:is\b|:)|\bcevap\s*:|\bjawaban(?:nya)?\s*(?:adalah\b|:)|\bsvar\s*:|\bjibu(?:\s+ni\b|\s*:)|\bvastaus(?:\s+on\b|\s*:)"
)
_OTHERS = (
    r"(?:最终|最後|正确|所以|故)?(?:答案|答)\s*(?:应该)?[是为為：:]+|(?:答案|因此|所以|故|应该?|^)\s*选择?[：:]?(?=\s*[（(]?[A-J])|故选|故選|应选|所以选|因此选|選擇|选择"
    r"|(?:答え|解答)\s*[はが:：]|(?:정답|답)\s*[은는이:：]+"
    r"|\bréponse(?:\s+finale)?\s*(?:est\b|:)|\bodpowiedź\s*(?:to\b|:)"
    r"|\blösung\s*(?:ist\b|lautet\b|:)|\brésultat\s*(?:est\b|:)|\bsolución\s*(?:es\b|:)|\bodpověď\s*(?:je\b|:)"
    r"|\bválasz\s*:|\brăspuns(?:ul)?(?:\s+final)?\s*(?:este\b|:)|\bcâu\s+trả\s+lời\s+(?:đúng\s+)?(?:là\b|:)"
    r"|\bréponse\s+n'est\s+pas\b[^\n.]{1,40}?\bmais\b|(?:答案|答)不是[^。\n]{1,40}?而是|(?:结果|結果)\s*[为為是：:]+"
    r"|\bđáp\s+án(?:\s+đúng)?\s*(?:là\b|:)|\bсвар\s*:"
    r"|(?:উত্তর|సమాధానం|คำตอบ|जवाब|उत्तर|απάντηση|תשובה|پاسخ)"
    r"\s*(?:হলো|হল|คือ|है|είναι|היא)?\s*[:：]?\s*(?=[\d$\\*(-])"
    r"|\bответ\s*(?:[:—-]|(?=\s-?[\d$]))|\bвідповідь\s*[:—-]|(?:الجواب|الإجابة)(?:\s+(?:النهائي|النهائية|الصحيح|الصحيحة))?\s*(?:هو|هي|:)|उत्तर\s*[:है]"
)
# Nearly all places are none where one of these words could begin, which costs the least where it is looked at first.
_WORDS = rf"(?<![a-zA-Z])(?=[abcefijorsv])(?:{_ENGLISH}|{_LATIN})"
_ASCII_ANCHOR, _ANCHOR = (
    re.compile(rf"(?:{phrases})[\s:：*_]*", re.IGNORECASE | re.MULTILINE)
    for phrases in (f"{_WORDS}|{_LINES}", f"{_WORDS}|{_LINES}|{_OTHERS}")
)
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
    anchor = _ASCII_ANCHOR if text.isascii() else _ANCHOR
    for match in reversed(list(anchor.finditer(text, start))):
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
