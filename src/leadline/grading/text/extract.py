"""Finding the final answer in what a model wrote. Every step is linear in the text and looks at its tail only."""

from __future__ import annotations

import re

from leadline.grading.text.anchors import last_anchored, without_label
from leadline.grading.text.boxes import BOX, Found, last_boxes, with_backslashes
from leadline.grading.text.chinese import concluded_in_chinese
from leadline.grading.text.dollars import inside_math, math_spans, without_prices
from leadline.grading.text.one_sentence import one_sentence, summed_up
from leadline.grading.text.statements import (
    LETTERS,
    NUMBER,
    chosen_option,
    concluded,
    is_value,
    told,
    value_of,
)
from leadline.grading.text.withdrawals import unfinished, withdrawn
from leadline.types import ANSWER_TAGS

__all__ = ["extract_answer"]

TAIL = 20_000
"""Characters at the end of a response in which an answer is looked for."""
SHORT_RESPONSE = 400
"""A response of at most this many characters may be an answer as a whole."""
LONGEST_LINE = 2_000
"""Characters of a last line, at most, that may be an answer by itself."""

_MARKS = ("\\boxed", "\\fbox", "####", ANSWER_TAGS[1])
_BOX_TOKENS = ("<|begin_of_box|>", "<|end_of_box|>")
_END_OF_TEXT = "<|endoftext|>"
_TAG = re.compile(r"[<\[](/?)(?:ANSWER|Answer|[Ff]inal[_ ]?[Aa]nswer|FINAL[_ ]ANSWER)[>\]]")
_JSON = re.compile(
    r"[\"'](?:final[_ ]?)?answer[\"']\s*:\s*(?:\"((?:[^\"\\\n]|\\.){1,400})\"|(-?[\d.]+))\s*[,}\n]",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\A\s*```(?:text|latex|tex|math|markdown|json)?[ \t]*\n(?!.*```)", re.DOTALL)
_DECORATION = re.compile(r"^[^\w\s$\\(\[{*+<-]+\s*")
_CALCULATION = re.compile(r"<<[^<>\n]*>>")
_HASHES = re.compile(r"####[ \t]*([^\n]*\S)")
_HEADING = re.compile(r"[*_]*[A-Z][a-z]+ +[\w(]|[*_]*[A-Z][a-z]+:?[*_]*$")
_OPEN_TAG, _CLOSE_TAG = ANSWER_TAGS
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|thoughts|reasoning)>|◁/think▷|<\|end_of_thought\|>")
_MARKUP = re.compile(r"(?:<\|[^<>|\n]{1,40}\|>(?:[a-z]{1,10})?|</?s>|```|\[/?INST\])\s*$")
_LAST = ("|>", "</s>", "```", "INST]", "|>assistant", "|>user")
_WORDS_ONLY = re.compile(r"[a-zA-Z][a-z' ]+[!.]?")
_PROSE = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}[ ,]+[a-zA-Z$\\(]")
_ASSIGNMENT = re.compile(r"[a-zA-Z](?=\s*=)")
_CONCLUSION = re.compile(
    r"\b(?:therefore|thus|hence|so|is|are|equals|solutions?|answers?|result|total|get|have|conclude)\b",
    re.IGNORECASE,
)
# What a sentence may be that is an answer where little else stands.
_STATEMENT = re.compile(
    r"\b(?:be|has|have|gives?|giving|makes?|up to|(?:then|finally)\b.*=)|['’]s\b|:\s", re.IGNORECASE
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z\\$]|\d[\d.]*\s*[-+*/×])|\n")
_ITEM = re.compile(r"[-*•]\s+|[Ss]tep\s*\d+\s*[:.)-]\s*|\d{1,2}[.)]\s+")
_ALONE = re.compile(r"[*_ ]*(?:\$[^$]+\$|\\\(.+\\\)|\\\[.+\\\]|-?[\d.,]+(?:/\d+)?%?|\(?[A-J]\))[*_. ]*")


def extract_answer(response: str) -> str | None:
    """The last answer that ``response`` states, or None if it states none.

    Where thoughts are closed, only what follows them counts. A tagged answer wins; then whichever comes last of a box,
    ``#### N`` and "the answer is"; then a last line that is a value, or what the last sentence concludes. The last
    number of a text that just stops is no answer.
    """
    text = response[-TAIL:]
    if len(response) > TAIL and not any(mark in text for mark in _MARKS):
        # Much may follow an answer. Where the last mark stands is found at the speed of memory.
        start = max(response.rfind(mark) for mark in _MARKS)
        if start >= 0:
            text = response[start : start + TAIL]
    if _BOX_TOKENS[0] in text:
        text = text.replace(_BOX_TOKENS[0], "\\boxed{").replace(_BOX_TOKENS[1], "}")
    if _END_OF_TEXT in text:
        text = text[: text.index(_END_OF_TEXT)]  # what follows belongs to no answer of this question
    text = _without_markup(with_backslashes(_TAG.sub(r"<\1answer>", text)))
    ends = list(_THOUGHT_END.finditer(text))
    if ends and text[ends[-1].end() :].strip():
        text = text[ends[-1].end() :]
    stated = _stated(text)
    if stated is not None:
        return stated or None
    # A box that is empty or never closes is no answer, and nothing around it is meant to be one.
    return None if BOX.search(text) else _bare(text)


def _without_markup(text: str) -> str:
    """The text without the tokens and fences that end it."""
    text = text.rstrip()
    fenced = text.endswith("```")
    while text.endswith(_LAST) and (markup := _MARKUP.search(text, max(0, len(text) - 60))) is not None:
        text = text[: markup.start()].rstrip()
    return _FENCE.sub("", text) if fenced else text


def _stated(text: str) -> str | None:
    """The answer behind a mark; None without a mark, empty where the marks state none."""
    tagged = _tagged(text) or _in_json(text)
    if tagged is not None:
        return tagged
    marked = max((find for find in (last_boxes(text), _last_hashes(text)) if find is not None), default=None)
    anchored = last_anchored(text, marked.end if marked else 0)
    if anchored and not (marked and _WORDS_ONLY.fullmatch(anchored)):
        return without_prices(anchored, r"\$")
    if marked is not None and withdrawn(text, marked.end, marked.text):
        return ""
    # "So our answer is correct" does not replace the box before it.
    return without_label(marked.text) if marked else anchored


def _tagged(text: str) -> str | None:
    end = text.rfind(_CLOSE_TAG)
    start = text.rfind(_OPEN_TAG, 0, end) if end >= 0 else -1
    if start < 0:
        return None
    inside = text[start + len(_OPEN_TAG) : end].strip()
    boxed = last_boxes(inside)
    if boxed is not None:
        return without_label(boxed.text) or None
    inside = without_label(inside)
    if _PROSE.search(inside) and (value := value_of(inside.rstrip(" ."))) is not None:
        return value
    return inside or None


def _in_json(text: str) -> str | None:
    """The answer in an object of JSON at the end of the text."""
    found = list(_JSON.finditer(text, max(0, len(text) - 2_000))) if text.endswith("}") else []
    if not found:
        return None
    word, number = found[-1].groups()
    return number or word.replace("\\\\", "\\")


def _last_hashes(text: str) -> Found | None:
    """What stands behind the last ``####``, on its line; behind it in mid-text, only the number."""
    start = text.rfind("####")
    match = _HASHES.match(text, start) if start >= 0 else None
    if match is None:
        return None
    content = without_prices(_CALCULATION.sub("", match.group(1)).strip())
    if _HEADING.match(content) and text[match.end() :].strip():
        return None
    number = NUMBER.match(content)
    if number is not None and len(re.findall(r"[a-zA-Z]{2,}", content[number.end() :])) > 3:
        content = number.group()
    return Found(start, content, match.end())


def _bare(text: str) -> str | None:
    """The answer in a text without any mark: all of it, its last line, or what its last sentence concludes."""
    text = _CALCULATION.sub("", text.strip().replace("∴", " so ")).strip()
    if not text or text.endswith(("?", "？")) or unfinished(text):
        return None  # a question states nothing, nor does what breaks off
    short = len(text) <= SHORT_RESPONSE
    if short and "\n" not in text:
        value = (
            chosen_option(text)
            or told(text)
            or concluded_in_chinese(text)
            or one_sentence(text)
            or (_valued(text) if is_value(text) else None)
        )
        if value is not None:
            return without_prices(value.strip("*_# ") or value, r"\$")
    *before, line = text.rsplit("\n", 1)
    line = _DECORATION.sub("", line.strip())
    if before and (equation := _last_step(before[0], line)) is not None:
        line = text = equation
    alone = (before or line.startswith("#")) and len(line) <= LONGEST_LINE
    if alone and _ALONE.fullmatch(line.lstrip("# ")):
        return line.strip(" *_#")
    if short and before and _closing_equation(before[0], line):
        return line
    sentence = _SENTENCES.split(text)[-1]
    if (option := chosen_option(sentence)) is not None:
        return option
    ended = short or text[-1] in ".!$)]}*%"
    if ended and (value := summed_up(sentence)) is not None:
        return value
    if ended and (_CONCLUSION.search(sentence) or (short and _STATEMENT.search(sentence))):
        return concluded(sentence, short)
    spans = list(math_spans(sentence)) if short else []
    if len(spans) == 1 and not sentence[spans[0].end() :].strip(" ."):
        return inside_math(spans[0])
    return None


def _valued(text: str) -> str:
    """A short text that is a value, without the words around it: "24 in total", "24 (apples)"."""
    return text if re.search(r"[:=]", text) or not LETTERS.search(text) else value_of(text) or text


def _last_step(before: str, line: str) -> str | None:
    """The equation in the last of several steps, numbered or with dashes; None where ``line`` is none.

    >>> _last_step("Step 1: 7 + 12 = 19", "Step 2: 19 + 5 = 24")
    '19 + 5 = 24'
    """
    item = _ITEM.match(line) if "=" in line else None
    return line[item.end() :] if item and _ITEM.match(_last_line(before)) else None


def _last_line(text: str) -> str:
    return text.rstrip().rsplit("\n", 1)[-1].strip()


def _closing_equation(before: str, line: str) -> bool:
    """Whether the last line is the equation that the lines above come to.

    >>> _closing_equation("2x = 8", "x = 4"), _closing_equation("x = 3", "y = 4")
    (True, False)
    """
    if "=" not in line or not is_value(line) or set(LETTERS.findall(line)) - {"and", "or"}:
        return False
    given, last = (_ASSIGNMENT.match(part) for part in (_last_line(before), line))
    # Two letters with a value each: neither of them alone is the answer.
    return given is None or last is None or given.group() == last.group()
