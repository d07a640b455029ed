"""How an answer is announced, language by language: "the answer is", "Ответ:", "故选"."""

from __future__ import annotations

import re

__all__ = ["announcing"]


def _said(noun: str, *verbs: str) -> str:
    """A noun with one of the verbs, or with a colon, behind it."""
    return rf"\b{noun}\s*(?:{'|'.join((*verbs, ':'))})"


_IS = r"(?:\b(?:is|are|was|be|must\s+be|should\s+be|would\s+be|will\s+be|equals)\b|[:：=])"
_ENGLISH = (
    r"answers?\s+is\s+not\b[^\n.;]{1,40}?,?\s+but\s+(?:rather\s+)?",
    rf"\bfinal\s+answers?\b[^\n.$\\\d]{{0,60}}?{_IS}",
    rf"answers?\s*(?:\*\*)?\s*(?:\([^()\n]{{1,40}}\)\s*)?(?:to\b[^\n.$\\\d:]{{0,60}}?)?{_IS}",
    rf"\b(?:correct|right|best)\s+(?:option|choice|letter|one)\b[^\n.$\\\d]{{0,40}}?{_IS}",
    r"\b(?:option|choice)\s*(?:is\b|[:=])",
    r"\bI(?:\s+would|\s+will|'ll|'d)?\s+(?:choose|pick|select|go\s+with)\s+"
    r"(?=[*_(]*(?:option\s+|choice\s+)?[*_(]*[A-J][*_)]*[.!]?\s*$)",
    r"\banswer(?:\s*(?=\$|\\\[|\\\()|[*_]{2}\s*(?=[\d-])|(?<=final answer)\s*[-–—]\s+(?=[\d$\\]))",
)
_LINES = (
    r"^(?:[ \t]*(?:#{1,6}\s*)?[*_]*\s*(?:final\s+)?answers?\s*[*_]*\s*$|[ \t*]*A\s*:|[ \t>*_-]*ans\s*[.:=]"
    r"|[^\w\n]{0,8}correction\s*:\s*(?=[*_$\\\d-]))"
)
# What may stand in a text of ASCII only; the others cost their time only where they can be found.
_LATIN = (
    _said(r"respuesta(?:\s+(?:final|correcta))?", r"es\b"),  # Spanish
    _said(r"resultado(?:\s*final)?", r"es\b", "é"),
    r"\brespuesta\s+no\s+es\b[^\n.]{1,40}?\bsino\b",
    _said(r"resposta(?:\s+(?:final|correta))?", "é"),  # Portuguese
    _said(r"risposta(?:\s+(?:finale|corretta))?", "è"),  # Italian
    _said("risultato", "è"),
    r"\bsolution\s+est\b",  # French
    _said("antwort", r"ist\b(?!\s+nicht\b)", r"lautet\b"),  # German
    _said("ergebnis", r"ist\b", r"lautet\b"),
    r"\bist\s+die\s+antwort\b",
    r"\bantwort\s+ist\s+nicht\b[^\n.]{1,40}?\bsondern\b",
    _said("antwoord", r"is\b"),  # Dutch
    r"\bsvaret\s+(?:er|är)\b",  # Danish, Norwegian, Swedish
    _said("svar"),
    r"\bvastaus(?:\s+on\b|\s*:)",  # Finnish
    _said(r"raspuns(?:ul)?(?:\s+final)?", r"este\b"),  # Romanian without its accents
    _said("cevap"),  # Turkish
    _said("jawaban(?:nya)?", r"adalah\b"),  # Indonesian
    r"\bjibu(?:\s+ni\b|\s*:)",  # Swahili
)
_OTHERS = (
    r"(?:最终|最後|正确|所以|故)?(?:答案|答)\s*(?:应该)?[是为為：:]+",  # Chinese
    r"(?:答案|因此|所以|故|应该?|^)\s*选择?[：:]?(?=\s*[（(]?[A-J])|故选|故選|应选|所以选|因此选|選擇|选择",
    r"(?:答案|答)不是[^。\n]{1,40}?而是|(?:结果|結果)\s*[为為是：:]+",
    r"(?:答え|解答)\s*[はが:：]",  # Japanese
    r"(?:정답|답)\s*[은는이:：]+",  # Korean
    _said(r"réponse(?:\s+finale)?", r"est\b"),  # French
    _said("résultat", r"est\b"),
    r"\bréponse\s+n'est\s+pas\b[^\n.]{1,40}?\bmais\b",
    _said("solución", r"es\b"),  # Spanish
    _said("lösung", r"ist\b", r"lautet\b"),  # German
    _said("odpowiedź", r"to\b"),  # Polish
    _said("odpověď", r"je\b"),  # Czech
    _said("válasz"),  # Hungarian
    _said(r"răspuns(?:ul)?(?:\s+final)?", r"este\b"),  # Romanian
    r"\bcâu\s+trả\s+lời\s+(?:đúng\s+)?(?:là\b|:)",  # Vietnamese
    _said(r"đáp\s+án(?:\s+đúng)?", r"là\b"),
    r"\bответ\s*(?:[:—-]|(?=\s-?[\d$]))",  # Russian
    r"\bвідповідь\s*[:—-]",  # Ukrainian
    _said("свар"),  # svar in Cyrillic letters
    r"(?:الجواب|الإجابة)(?:\s+(?:النهائي|النهائية|الصحيح|الصحيحة))?\s*(?:هو|هي|:)",  # Arabic
    # Bengali, Telugu, Thai, Hindi, Greek, Hebrew, Persian
    r"(?:উত্তর|సమాధానం|คำตอบ|जवाब|उत्तर|απάντηση|תשובה|پاسخ)\s*(?:হলো|হল|คือ|है|είναι|היא)?\s*[:：]?\s*(?=[\d$\\*(-])",
    r"उत्तर\s*[:है]",
)
# Nearly all places are none where one of these words could begin, which costs the least where it is looked at first.
_WORDS = rf"(?<![a-zA-Z])(?=[abcefijorsv])(?:{'|'.join((*_ENGLISH, *_LATIN))})"
_ASCII, _ANY = (
    re.compile(rf"(?:{'|'.join(phrases)})[\s:：*_]*", re.IGNORECASE | re.MULTILINE)
    for phrases in ((_WORDS, _LINES), (_WORDS, _LINES, *_OTHERS))
)


def announcing(text: str) -> re.Pattern[str]:
    """The pattern of all phrases that may stand in a text, and of the decoration behind them.

    >>> [announcing(text).search(text).end() for text in ("The answer is **5**", "La réponse est 5")]
    [16, 15]
    """
    return _ASCII if text.isascii() else _ANY
