"""The worlds of the studies: their operations are bijections that do not commute, and generate many functions."""

from __future__ import annotations

import itertools

import pytest

from leadline.errors import InputError
from leadline.tasks.machine import Machine
from leadline.tasks.machines import find_machine, machine_names
from leadline.tasks.strings import string_machine

SIZE = {"strings": 4, "strings4": 4, "arithmetic": 2, "walks": 2}


def commuting_pairs(machine: Machine, size: int) -> list[tuple[str, str]]:
    """Pairs of different operations whose order makes no difference on any state of ``size``."""
    return [
        (a, b)
        for a, b in itertools.combinations(machine.operations, 2)
        if all(machine.run(s, (a, b)) == machine.run(s, (b, a)) for s in machine.states(size))
    ]


def generated(machine: Machine, size: int, limit: int) -> int:
    """How many different functions the programs of any depth compute on states of ``size``, counted to ``limit``.

    A world whose operations generate few functions short-circuits depth: every deep program is then a shallow one.
    """
    start = tuple(machine.states(size))
    tables = {
        name: {state: operation(state) for state in start} for name, operation in machine.operations.items()
    }
    seen, frontier = {start}, [start]
    while frontier and len(seen) < limit:
        reached = {
            tuple(table[state] for state in function) for function in frontier for table in tables.values()
        }
        frontier = list(reached - seen)
        seen |= reached
    return min(len(seen), limit)


@pytest.mark.parametrize("name", machine_names())
def test_operations_are_bijections(name: str) -> None:
    machine = find_machine(name)
    states = set(machine.states(SIZE[name]))
    assert len(states) == machine.symbols ** SIZE[name]
    for operation in machine.operations.values():
        assert {operation(state) for state in states} == states


@pytest.mark.parametrize("name", ["strings", "strings4"])
@pytest.mark.parametrize("size", [4, 5])
def test_no_two_string_operations_commute(name: str, size: int) -> None:
    assert commuting_pairs(find_machine(name), size) == []


@pytest.mark.parametrize("name", machine_names())
def test_operations_generate_at_least_500_functions(name: str) -> None:
    assert generated(find_machine(name), SIZE[name], 500) == 500


def test_shift_and_reversal_alone_generate_eight() -> None:
    """The trap that the operations were chosen to avoid; it also shows that the count can be small."""
    full = string_machine(3, "x")
    two = Machine("two", 3, {name: full.operations[name] for name in ("shl", "rev")})
    assert generated(two, 4, 500) == 8
    rot = Machine("rot", 3, {"rot": lambda s: tuple((c + 1) % 3 for c in s), "shl": full.operations["shl"]})
    assert commuting_pairs(rot, 4) == [("rot", "shl")]


def test_programs_never_repeat_an_operation_in_a_row() -> None:
    machine = find_machine("strings")
    assert [len(machine.programs(depth)) for depth in (0, 1, 2, 3)] == [1, 6, 30, 150]
    assert all(a != b for p in machine.programs(3) for a, b in itertools.pairwise(p))


def test_operations_by_hand() -> None:
    machine, start = find_machine("strings"), (5, 1, 2, 3)
    worked = {
        "shl": (1, 2, 3, 5),
        "rev": (3, 2, 1, 5),
        "swp": (1, 5, 2, 3),
        "rmp": (0, 3, 5, 1),
        "neg": (1, 1, 2, 3),
        "dif": (5, 2, 1, 1),
    }
    assert {name: machine.run(start, (name,)) for name in machine.operations} == worked
    assert machine.run(start, ("rev", "shl")) == (2, 1, 5, 3)
    numbers = find_machine("arithmetic")
    assert numbers.run((6, 6), ("+1",)) == (0, 0)  # 48 + 1 = 49 = 0
    assert numbers.run((0, 5), ("*5", "+9")) == (4, 6)  # 25 + 9 = 34 = 4 * 7 + 6


def test_unknown_machines_are_refused() -> None:
    for name in ("nothing", "leadline.tasks:absent", "no_such_module:x", "leadline.tasks.machine:Program"):
        with pytest.raises(InputError, match="machine"):
            find_machine(name)
