"""Dates and times of day: compared as such, never as subtractions and ratios."""

from __future__ import annotations

import re

from leadline.grading.text.text_command import without_text_commands

__all__ = ["read_clock", "read_date", "same_time"]

_MONTHS = ("january february march april may june july august september october november december").split()
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
_YEAR = r"(?P<year>\d{4})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?"
_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_WEEKDAY}{_MONTH}\s+(?:the\s+)?{_DAY}(?:,?\s+{_YEAR})?",
        rf"{_WEEKDAY}{_DAY}\s+(?:of\s+)?{_MONTH},?(?:\s+{_YEAR})?",
        rf"{_YEAR}-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})",
        rf"(?:{_YEAR}\s*年\s*)?(?P<month>\d{{1,2}})\s*月\s*(?P<day>\d{{1,2}})\s*[日号]",
    )
]
_CLOCK = re.compile(r"(\d{1,2})(?:[:.](\d\d))?\s*(?:\\text\s*\{)?\s*([ap])\.?\s?m\.?\s*\}?", re.IGNORECASE)
_CLOCK_PLAIN = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?(?: ([ap])m)?")


def read_date(text: str) -> str | None:
    """``text`` as year-month-day (or month-day), if it is a date.

    >>> read_date("July 4, 1776"), read_date("2024-03-14"), read_date("14th of March"), read_date("2024-3")
    ('1776-7-4', '2024-3-14', '3-14', None)
    """
    text = " ".join(without_text_commands(text).split())
    for form in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            month, day = match.group("month"), int(match.group("day"))
            number = (
                int(month)
                if month.isdecimal()
                else 1 + [name[:3] for name in _MONTHS].index(month[:3].lower())
            )
            if 1 <= number <= 12 and 1 <= day <= 31:
                return "-".join(part for part in (match.group("year"), str(number), str(day)) if part)
    return None


def read_clock(text: str) -> str | None:
    """``text`` as a time of day (``3:30 pm``), or as what may be one (``3:05``); other ratios are none.

    >>> read_clock("3 p.m."), read_clock("03:05"), read_clock("3:2"), read_clock("3:60")
    ('3:00 pm', '3:05', None, None)
    """
    match = _CLOCK.fullmatch(text)
    if match is not None:
        hour, minute, half = int(match.group(1)), match.group(2) or "00", match.group(3).lower()
        return f"{hour}:{minute} {half}m" if hour < 25 else None
    match = _CLOCK_PLAIN.fullmatch(text)
    if match is None or int(match.group(1)) > 24 or int(match.group(2)) > 59:
        return None
    # 3:12 may be a ratio, and is compared as one; 3:05 is written like no ratio.
    if match.group(3) is None and not match.group(2).startswith("0"):
        return None
    return ":".join([str(int(match.group(1))), *filter(None, match.groups()[1:])])


def same_time(one: str, other: str) -> bool:
    """Whether two times of day are one. Half of the day has to be said only once, and past noon not at all.

    >>> same_time("3:05 pm", "15:05"), same_time("3:05", "3:05 am"), same_time("3:05 am", "15:05")
    (True, True, False)
    """
    first, second = _TIME.fullmatch(one), _TIME.fullmatch(other)
    if first is None or second is None or _minutes(first) != _minutes(second):
        return False
    hours, exact = zip(*map(_hour, (first, second)), strict=True)
    if exact[0] == exact[1]:
        return bool(hours[0] == hours[1])
    return bool(hours[0] % 12 == hours[1] % 12)


def _minutes(time: re.Match[str]) -> tuple[int, int]:
    return int(time.group(2)), int(time.group(3) or 0)


def _hour(time: re.Match[str]) -> tuple[int, bool]:
    """The hour of a time, and whether it is certain in which half of the day."""
    hour = int(time.group(1))
    if time.group(4):
        return hour % 12 + 12 * (time.group(4) == "p"), True
    return hour, hour > 12 or hour == 0
