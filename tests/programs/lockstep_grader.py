"""A grader by the text alone: right for about half of all texts, so that an untrained model has signal."""


def half(response: str, gold: str) -> bool:
    return sum((i + 1) * ord(letter) for i, letter in enumerate(response)) % 97 % 2 == 0
