"""Whether two files mean the same problems by the same ids: their prompts, less what a template puts around."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from leadline.data.problems.choices import unordered
from leadline.data.problems.duplicates import normalised_prompt

__all__ = ["differing_prompts", "numbered_samples", "refusal", "shuffled"]

EXAMPLES = 3
SAME_END = 24  # characters of a prompt's own end that two sides share behind other examples
CORE = 12  # characters of a prompt that all prompts do not share, below which it is no problem of its own


_NUMBERED = re.compile(r"(.+)[-_:/#.@](?:[a-z]{1,7}[-_]?)?(\d{1,5})", re.I | re.S)
_FEW_STEMS = 5  # names, below which equal endings are chance


def numbered_samples(ids: Iterable[str]) -> tuple[int, int] | None:
    """How many problems, with how many samples each, ids seem to name that number samples (``task7:0``, ``task7:1``).

    Every name has the same endings, and there are more names than endings; None where it is otherwise.
    """
    endings: defaultdict[str, set[str]] = defaultdict(set)
    for one in ids:
        found = _NUMBERED.fullmatch(one)
        if found is None:
            return None
        endings[found[1]].add(found[2])
    sizes = {frozenset(those) for those in endings.values()}
    if len(sizes) != 1:
        return None
    size = len(next(iter(sizes)))
    return (len(endings), size) if size > 1 and len(endings) >= max(_FEW_STEMS, size) else None


def differing_prompts(a: Mapping[str, str], b: Mapping[str, str]) -> list[str]:
    """Ids that both have, under which the two hold different problems.

    One side may have the prompt as a chat template or examples made it, so that what all of its prompts begin and
    end with is left out, and one prompt may stand within the other. Case, spacing and typesetting do not count.
    """
    shared = [name for name in a if name in b]
    pairs = [(normalised_prompt(a[name]), normalised_prompt(b[name])) for name in shared]
    doubtful = [i for i, (left, right) in enumerate(pairs) if left not in right and right not in left]
    if not doubtful:
        return []
    left, right = (_cores([side[i] for side in pairs]) for i in (0, 1))
    ends = Counter(core[-SAME_END:] for core in left)
    return [
        shared[i]
        for i in doubtful
        if (min(len(left[i]), len(right[i])) < CORE or (left[i] not in right[i] and right[i] not in left[i]))
        and not (len(left) > 1 and ends[left[i][-SAME_END:]] == 1 and _ends_alike(left[i], right[i]))
    ]


def shuffled(a: str, b: str) -> bool:
    """Whether two prompts are one multiple-choice question with its choices in two orders."""
    key = unordered(a)
    return key is not None and key == unordered(b)


def refusal(
    ids: list[str], a: Mapping[str, str], b: Mapping[str, str], what: str, names: tuple[str, str]
) -> list[str]:
    """One line that says how many differ, and three examples with both texts."""
    return [
        f"{len(ids):,} ids stand for another {what} in {names[1]} than in {names[0]}; the first:",
        *(
            f"  {name[:60]!r}: {_short(a[name])!r} in {names[0]}, {_short(b[name])!r} in {names[1]}"
            for name in ids[:EXAMPLES]
        ),
    ]


def _cores(prompts: list[str]) -> list[str]:
    """The prompts without their common beginning and end; a single one stays whole, as do equal ones."""
    if len(set(prompts)) < 2:
        return prompts
    head = _common(prompts)
    rest = [prompt[head:] for prompt in prompts]
    tail = _common([prompt[::-1] for prompt in rest])
    return [prompt[: len(prompt) - tail] if tail else prompt for prompt in rest]


def _ends_alike(a: str, b: str) -> bool:
    """Whether two prompts differ in what goes before a long common end alone, as with other examples before it."""
    return len(a) >= SAME_END and a[-SAME_END:] == b[-SAME_END:]


def _common(texts: list[str]) -> int:
    """Length of the beginning that all texts share: that of the first and the last in order."""
    first, last = min(texts), max(texts)
    return next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last))
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 70 else f"{line[:67]}..."
