"""Damage: what happens to files, and what somebody might do to them on purpose. The same seed gives the same damage."""

import json
import re

_BYTES = (0, 1, 127, 128, 255)
_VALUES = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**18, 10**400, 0.0, -0.5, 1e300, float("nan"), float("inf")),
    *("", "x", "../../x", "\x00", "\x1b[2J", "\ud800", "$x$", "0", "1e999", "a" * 70000, "<script>", "{{x}}"),
    *([], {}, [[]], [None], [0] * 9, {"": ""}, {"a": {"a": {"a": {}}}}),
)
_NUMBERS = b"0 1 -1 2 3 0.5 -0.5 7 1000 1000000 2147483647 4294967295 1e18 1e38 1e999 nan inf $x$".split()
_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?")
_QUOTED = re.compile(rb'"[^"\n]*"')
_LINE = re.compile(rb"[^\n]+\n")


def of_bytes(content, rng, others=()):
    """A file with one to four changes: cut, doubled, mixed with another one, overwritten, a bit turned."""
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.randint(1, 40))
        kind = rng.randrange(6)
        if kind == 0 and rng.random() < 0.3:
            del content[at:]
        elif kind == 1:
            del content[at:end]
        elif kind == 2:
            content[at:at] = content[at:end]
        elif kind == 3 and others:
            content[at:at] = rng.choice(others)[: rng.randint(1, 200)]
        elif kind == 4:
            content[at:end] = bytes(rng.choice((*_BYTES, rng.randrange(256))) for _ in range(end - at))
        elif at < len(content):
            content[at] ^= 1 << rng.randrange(8)
    return bytes(content)


def of_text(content, rng, others=()):
    """A text with one or two of its numbers, words in quotes or lines replaced, doubled or left out, or its bytes."""
    if rng.random() < 0.15:
        return of_bytes(content, rng, others)
    for _ in range(rng.randint(1, 2)):
        parts, replace = rng.choice(((_NUMBER, True), (_NUMBER, True), (_QUOTED, True), (_LINE, False)))
        found = list(parts.finditer(content))
        if not found:
            continue
        one, other = rng.choice(found), rng.choice(found).group()
        new = rng.choice(_NUMBERS) if parts is _NUMBER else other
        new = new if replace else rng.choice([b"", 2 * one.group(), other])
        content = content[: one.start()] + new + content[one.end() :]
    return content


def of_json(content, rng, others=()):
    """A JSON file with one to three of its values replaced or left out; sometimes its bytes are damaged, too."""
    if rng.random() < 0.2:
        return of_bytes(content, rng, others)
    if rng.random() < 0.03:
        return rng.choice([b"[" * 10**5, b'{"a":' * 10**5, b"1" * 5000, b"[" + b"1," * 10**6])
    record = json.loads(content)
    for _ in range(rng.randint(1, 3)):
        _replace(record, rng)
    return json.dumps(record).encode()


def _replace(record, rng):
    """Go down a random way, and put something else there."""
    while True:
        keys = list(record) if isinstance(record, dict) else list(range(len(record)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = record[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            break
        record = inner
    if rng.random() < 0.15:
        del record[key]
    elif isinstance(inner, int | float) and rng.random() < 0.4:
        record[key] = rng.choice([-inner, inner + 1, inner * 10**6, inner / 2, str(inner)])
    else:
        record[key] = rng.choice(_VALUES)
