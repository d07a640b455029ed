"""The errors that leadline raises on purpose.

::

    LeadlineError                 everything below; ``exit_code`` says what the command line returns
    ├── InputError           (2)  something that was handed to us is wrong; lists every problem found
    │   ├── ConfigError      (2)  a recipe: unknown keys, wrong types, values that contradict each other
    │   ├── DataError        (2)  a problem or sample file: ``file:line: why``
    │   ├── CheckpointError  (2)  a model or checkpoint directory that cannot be used
    │   └── MissingExtra     (2)  an optional dependency is not installed; names the extra to install
    ├── TrainingError        (1)  a run that cannot go on, e.g. three non-finite losses in a row
    ├── StoppedByAlarm       (1)  ended by an alarm that the recipe stops on, after a checkpoint was saved
    ├── StorageError         (1)  the disk is full or refuses to write; earlier files are untouched
    └── Interrupted        (130)  stopped by a signal after a checkpoint was saved

Anything else that escapes is a bug in leadline and shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

__all__ = [
    "FAULTS_SHOWN",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "InputError",
    "Interrupted",
    "LeadlineError",
    "MissingExtra",
    "Refusals",
    "StoppedByAlarm",
    "StorageError",
    "TrainingError",
]

FAULTS_SHOWN = 50
"""Faults named in one refusal: a file of another format would otherwise name every line."""


class LeadlineError(Exception):
    """Base of every error that leadline raises on purpose."""

    exit_code = 1


class InputError(LeadlineError):
    """What the user handed in is wrong. ``problems`` holds one line per fault, each naming its place."""

    exit_code = 2

    def __init__(self, problems: str | Iterable[str]) -> None:
        given = (problems,) if isinstance(problems, str) else tuple(problems)
        self.problems: tuple[str, ...] = tuple(_one_line(problem) for problem in given)
        super().__init__("\n".join(self.problems))


def _one_line(text: str) -> str:
    """What a library says of a file of its own may be a page with the file's lines in it."""
    return text if "\n" not in text else " ".join(text.split())


class ConfigError(InputError):
    """A recipe (or configuration object) that cannot be run as written."""


class DataError(InputError):
    """A data file with rows that cannot be used; every problem reads ``file:line: why``."""


class CheckpointError(InputError):
    """A model or checkpoint directory that is missing, incomplete or corrupt."""


class MissingExtra(InputError):
    """An optional dependency is needed and absent; the message names the extra that installs it."""


class TrainingError(LeadlineError):
    """A run that cannot go on, e.g. because its loss is not finite any more."""


class StoppedByAlarm(LeadlineError):
    """Ended by an alarm that the recipe stops on (``stop_on``), after the state was saved."""


class StorageError(LeadlineError):
    """The disk refused a write. What was on it before is untouched."""


class Interrupted(LeadlineError):
    """Stopped by a signal, after the state was saved."""

    exit_code = 130


class Refusals:
    """What several checks refuse, gathered to be said at once: ``with`` it around each, then :meth:`raise_all`.

    >>> refusals = Refusals()
    >>> for name in ("a", "b"):
    ...     with refusals:
    ...         raise ConfigError(f"{name}: wrong")
    >>> refusals.raise_all()
    Traceback (most recent call last):
    leadline.errors.ConfigError: a: wrong
    b: wrong
    """

    def __init__(self) -> None:
        self.found: list[InputError] = []

    def __enter__(self) -> None:
        """Begin a check."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Keep what it refused; any other error goes on."""
        if isinstance(error, InputError):
            self.found.append(error)
        return isinstance(error, InputError)

    def raise_all(self) -> None:
        """Raise all that was refused as one error, of the kind that all of them are; do nothing if nothing was.

        Raises:
            InputError: the lines of every refusal, each once.
        """
        if not self.found:
            return
        kinds = {type(fault) for fault in self.found}
        kind = kinds.pop() if len(kinds) == 1 else InputError
        lines = dict.fromkeys(line for fault in self.found for line in fault.problems)
        raise kind(lines) from self.found[0]
