"""Finding the final answer in what a model wrote. Every step is linear in the text and looks at its tail only."""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from leadline.types import ANSWER_TAGS

__all__ = ["extract_answer"]

TAIL = 20_000
"""Characters at the end of a response in which an answer is looked for."""
SHORT_RESPONSE = 400
"""A response of at most this many characters may be an answer as a whole."""
MAX_BOXES = 12

_MARKS = ("\\boxed", "\\fbox", "####", ANSWER_TAGS[1])
_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])")
_HASHES = re.compile(r"^[ \t]*####[ \t]*([^\n]*\S)", re.MULTILINE)
_OPEN_TAG, _CLOSE_TAG = ANSWER_TAGS
_ANCHOR = re.compile(
    r"(?:\bfinal\s+answer\b[^\n.$\\\d]{0,60}?(?:\bis\b|[:=])|\banswer\s*(?:\*\*)?\s*(?:is\b|:|=)|^[ \t*]*A\s*:)"
    r"[\s:*]*",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"\.(?=\s+[A-Z\[<]|\s*$)|\n|(?<=[.$)}\s])\s*I hope it is", re.IGNORECASE)
_MARKUP = re.compile(r"(?:<\|[^<>|\n]{1,40}\|>(?:[a-z]{1,10})?|</?s>|```|\[/?INST\])\s*$")
_COPULA = re.compile(r"(?:\b(?:is|are|be|equals|equal to|was)\b|[:=])[\s:]*", re.IGNORECASE)
_LETTERS = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
_DISCOURSE = re.compile(r"(?:therefore|thus|hence|so|then|we|it|the)\b", re.IGNORECASE)
_WORDS_ONLY = re.compile(r"[a-zA-Z][a-z' ]+[!.]?")
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|so|is|are|equals|solution|answer|result|total|get|have|conclude)\b",
    re.IGNORECASE,
)
_MATH = re.compile(
    r"\$\$(.{1,2000}?)\$\$|\$(.{1,2000}?)\$|\\\((.{1,2000}?)\\\)|\\\[(.{1,2000}?)\\\]", re.DOTALL
)
_NUMBER = re.compile(r"(?<![\w.,\\^{])-?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:/\d+)?(?:\s?%)?")


class Found(NamedTuple):
    """An answer, and where the statement of it starts."""

    start: int
    text: str


def extract_answer(response: str) -> str | None:
    """The last answer that ``response`` states, or None if it states none.

    A tagged answer wins; then whichever comes last of a box, ``#### N`` and "the answer is"; then, in a text that ends
    with a conclusion, what it concludes. The last number of a text that just stops is no answer.
    """
    text = response[-TAIL:]
    if len(response) > TAIL and not any(mark in text for mark in _MARKS):
        # Much may follow an answer. Where the last mark stands is found at the speed of memory.
        start = max(response.rfind(mark) for mark in _MARKS)
        if start >= 0:
            text = response[start : start + TAIL]
    thought = text.rfind("</think>")
    if thought >= 0 and (found := _stated(text[thought + 8 :])) is not None:
        return found
    # A box that is empty or never closes is no answer, and nothing around it is meant to be one.
    return _stated(text) or (None if _BOX.search(text) else _bare(text))


def _stated(text: str) -> str | None:
    tagged = _tagged(text)
    if tagged is not None:
        return tagged
    marked = max((find for find in (_last_boxes(text), _last_hashes(text)) if find is not None), default=None)
    anchored = _last_anchor(text, marked.start if marked else 0)
    if anchored is not None and not (marked and _WORDS_ONLY.fullmatch(anchored)):
        return anchored
    # "So our answer is correct" does not replace the box before it.
    return marked.text if marked else None


def _tagged(text: str) -> str | None:
    end = text.rfind(_CLOSE_TAG)
    start = text.rfind(_OPEN_TAG, 0, end) if end >= 0 else -1
    if start < 0:
        return None
    inside = text[start + len(_OPEN_TAG) : end].strip()
    boxed = _last_boxes(inside)
    return (boxed.text if boxed else inside) or None


def _last_boxes(text: str) -> Found | None:
    """The last box that closes, with those right before it that belong to the same answer."""
    contents: list[str] = []
    last = None
    ends: dict[int, int] | None = None
    for match in reversed(list(_BOX.finditer(text))):
        start = _SPACES.match(text, match.end()).end()  # type: ignore[union-attr]
        box = _box(text, start, ends)
        if box is None and ends is None and text[start : start + 1] == "{":
            # One box is open to the end; so may be thousands before it. All pairs are found in one pass instead.
            ends = _pairs(text)
        if box is None:
            continue
        content, end = box
        if last is not None and (end > last or not _linked(text[end:last])):
            break  # it holds the later box, or belongs to another answer
        if content not in contents:
            contents.append(content)
        last = match.start()
        if len(contents) >= MAX_BOXES:
            break
    if last is None or contents == [""]:
        return None
    return Found(last, ", ".join(reversed(contents)))


def _box(text: str, start: int, ends: dict[int, int] | None) -> tuple[str, int] | None:
    """What the box at ``start`` holds, and where it ends; ``ends`` are the known pairs of braces."""
    if text[start : start + 1] != "{":
        word = _UNBRACED.match(text, start)
        return (word.group(), word.end()) if word else None
    end = _closing(text, start) if ends is None else ends.get(start)
    return (text[start + 1 : end].strip(), end + 1) if end is not None else None


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for match in _BRACE.finditer(text, start):
        depth += _STEP.get(match.group(), 0)
        if depth == 0:
            return match.start()
    return None


def _pairs(text: str) -> dict[int, int]:
    """Each opening brace with the one that closes it."""
    opened: list[int] = []
    pairs: dict[int, int] = {}
    for match in _BRACE.finditer(text):
        if match.group() == "{":
            opened.append(match.start())
        elif match.group() == "}" and opened:
            pairs[opened.pop()] = match.start()
    return pairs


_STEP = {"{": 1, "}": -1}
_SPACES = re.compile(r"\s*")
_UNBRACED = re.compile(r"[-\d.]+|[a-zA-Z]")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_LINK = re.compile(r"[,;&]|\b(?:and|or)\b")
_NO_LINK = re.compile(
    r"\.\s|\n\s*\n|=|\b(?:no|not|wrong|wait|actually|instead|rather|but|correct\w*)\b", re.IGNORECASE
)


def _linked(between: str) -> bool:
    """Whether the text between two boxes joins them into one answer."""
    bare = between.replace("$", "").replace("\\quad", "").replace("\\\\", "").strip(" \n\\()[]{}.,;")
    if not bare:
        return "\n\n" not in between
    return (
        len(between) <= 60 and _NO_LINK.search(_labels(between)) is None and _LINK.search(between) is not None
    )


def _labels(between: str) -> str:
    return re.sub(r"[a-zA-Z]\w{0,2}(?:_\{?\w\}?)?\s*=\s*$", "", between)


def _last_hashes(text: str) -> Found | None:
    start = text.rfind("####")
    if start < 0:
        return None
    match = _HASHES.search(text, max(0, text.rfind("\n", 0, start) + 1))
    return Found(match.start(), match.group(1).strip()) if match else None


def _last_anchor(text: str, start: int) -> str | None:
    """What is stated behind the last "the answer is" from ``start`` on."""
    for match in reversed(list(_ANCHOR.finditer(text, start))):
        content = _sentence(text[match.end() : match.end() + 2_000])
        if content:
            return content
    return None


def _sentence(text: str) -> str | None:
    """The statement at the start of ``text``, if it is about a value and not prose."""
    text = text.lstrip()
    math = _MATH.match(text)
    skip = math.end() if math else 0
    end = _SENTENCE_END.search(text, skip)
    text = (text[: end.start()] if end else text).strip()
    text = _value(text)
    words = _LETTERS.findall(_MATH.sub("", text))
    return text if text and (len(words) <= 6 or _NUMBER.match(text)) else None


def _value(text: str) -> str:
    """What a sentence says that something is: ``5`` of ``the value of $x$ is 5``."""
    outside = _MATH.sub(lambda match: "\0" * len(match.group()), text)
    last = deque(_COPULA.finditer(outside), maxlen=1)
    if last and len(_LETTERS.findall(outside[: last[0].start()])) >= 2:
        text = text[last[0].end() :]
    return text.strip(" *\t\"'")


def _bare(text: str) -> str | None:
    """The answer in a text without any mark: all of it, or what its last sentence concludes."""
    text = text.strip()
    while (markup := _MARKUP.search(text)) is not None:
        text = text[: markup.start()].rstrip()
    if not text:
        return None
    short = len(text) <= SHORT_RESPONSE
    if short and "\n\n" not in text and _is_value(text):
        return text
    spans = list(_MATH.finditer(text)) if short else []
    if spans and not text[spans[-1].end() :].strip(" ."):
        return next(group for group in spans[-1].groups() if group is not None).strip()
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z\\$])|\n", text)[-1]
    ended = short or text[-1] in ".!$)]}"
    if not ended or _CONCLUSION.search(sentence) is None:
        return None
    return _concluded(sentence, short)


def _is_value(text: str) -> bool:
    """Whether a short text is nothing but an answer: mathematics, or a few words around no mathematics."""
    if _DISCOURSE.match(text):
        return False
    words = [word for word in _LETTERS.findall(_MATH.sub("", text)) if word not in ("and", "or")]
    math = _MATH.search(text)
    if math is None:
        return len(words) <= 3
    return len(words) <= 3 and not _LETTERS.search(text[: math.start()])


def _concluded(sentence: str, short: bool) -> str | None:
    spans = list(_MATH.finditer(sentence))
    if spans:
        last = spans[-1]
        after = sentence[last.end() :].strip(" .")
        if short or len(_LETTERS.findall(after)) <= 4:
            return next(group for group in last.groups() if group is not None).strip()
        return None
    numbers = list(_NUMBER.finditer(sentence))
    if numbers and (short or len(_LETTERS.findall(sentence[numbers[-1].end() :])) <= 2):
        return numbers[-1].group().rstrip(",")
    return None
