"""Session data of every kind that Python's JSON knows, the same for the same seed and number."""

import random

LONG = 100_000
ALPHABETS = [
    (0x20, 0x7E),  # ASCII, with quotes and backslashes
    (0x00, 0x1F),  # control characters
    (0x7F, 0xFF),  # Latin-1, which is what stored bytes are read as
    (0x100, 0x2FFF),
    (0xE000, 0xFFFF),
    (0x1F300, 0x1FAFF),  # beyond 16 bits
    (0xD800, 0xDFFF),  # halves of pairs
]
FLOATS = [
    0.0, -0.0, 0.1, 1.5, 1e16, 1e-7, 5e-324, 1.7976931348623157e308, 100000.0, -2.5e-10,
    float("nan"), float("inf"), float("-inf"),
]
INTEGERS = [0, -1, 255, 2**31, 2**53 + 1, -(2**63), 2**63, 2**64, 10**40, -(10**400)]


def text(choose, longest=12):
    low, high = choose.choice(ALPHABETS)
    return "".join(chr(choose.randint(low, high)) for _ in range(choose.randint(0, longest)))


def number(choose):
    kind = choose.randrange(4)
    if kind == 0:
        return choose.choice(INTEGERS)
    if kind == 1:
        return choose.getrandbits(choose.randint(1, 300)) * choose.choice([1, -1])
    if kind == 2:
        return choose.choice(FLOATS)
    return choose.uniform(-1, 1) * 10 ** choose.randint(-300, 300)


def value(choose, depth):
    kind = choose.randrange(8 if depth > 0 else 5)
    if kind == 0:
        return choose.choice([None, True, False])
    if kind in (1, 2):
        return number(choose)
    if kind in (3, 4):
        return text(choose)
    if kind == 5:
        return tuple(value(choose, depth - 1) for _ in range(choose.randint(0, 3)))
    if kind == 6:
        return [value(choose, depth - 1) for _ in range(choose.randint(0, 5))]
    # Names that are no texts become texts, and two of them may become the same one.
    names = [text(choose), choose.randint(0, 3), str(choose.randint(0, 3)), choose.choice([True, None, 1.5])]
    return {name: value(choose, depth - 1) for name in names[: choose.randint(0, 4)]}


def nested(choose, depth):
    inner = value(choose, 1)
    for _ in range(depth):
        inner = [inner] if choose.random() < 0.5 else {text(choose, 3): inner}
    return inner


def session_at_random(seed, number):
    choose = random.Random("%s/%d" % (seed, number))
    data = {"changed": value(choose, 1)}
    for _ in range(choose.randint(0, 8)):
        data["_" + text(choose)] = value(choose, 4)
        data[text(choose) + "n"] = value(choose, 2)
    if number % 20 == 7:
        data["deep"] = nested(choose, 40)
    if number % 100 == 3:
        data["long"] = text(choose) + "".join(choose.choices("abcdefghij klmnopqrstuvwxyz", k=LONG))
    if number % 100 == 53:
        data["many"] = [value(choose, 2) for _ in range(1_500)]
    return data
