"""JSON as the log has it: read without losing anything, and written in the canonical form of RFC 8785."""

import json
from decimal import Decimal

MAX_SAFE = 2**53 - 1
MAX_DEPTH = 128


def parse(text):
    """A JSON text as a value. Whole numbers are ints up to 2^53-1, however written; others are doubles, as RFC 8785 has it.

    Raises ValueError for what is not JSON, RecursionError for what nests too deep for Python's reader.
    """
    return json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_refuse)


def is_canonical(value, line):
    """Whether these bytes are the canonical form of the value that was read from them."""
    try:
        return canonical(value).encode("utf-8") == line
    except ValueError:  # a number too large, a lone surrogate, nested too deep
        return False


def canonical(value, depth=MAX_DEPTH):
    """The canonical text of a value. ValueError when it has none, or nests deeper than `depth`."""
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return number(value)
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth - 1) for item in value) + "]"
    # UTF-16 code units, and not code points: a character beyond U+FFFF sorts by its first surrogate.
    keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join(f"{canonical(key)}:{canonical(value[key], depth - 1)}" for key in keys) + "}"


def number(value):
    """A number as ECMAScript prints it: the shortest digits that mean this double, and its rules for the exponent."""
    if isinstance(value, int):
        return str(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not a finite number")
    shortest = "".join(map(str, digits)).rstrip("0")
    if not shortest:
        return "0"
    point = len(digits) + exponent  # where the decimal point stands, counted from the first digit
    if len(shortest) <= point <= 21:
        text = shortest + "0" * (point - len(shortest))
    elif 0 < point <= 21:
        text = f"{shortest[:point]}.{shortest[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{shortest}"
    else:
        fraction = f".{shortest[1:]}" if len(shortest) > 1 else ""
        text = f"{shortest[0]}{fraction}e{point - 1:+d}"
    return f"-{text}" if sign else text


def _integer(token):
    exact = int(token) if len(token) <= 17 else None
    return exact if exact is not None and abs(exact) <= MAX_SAFE else float(token)


def _number(token):
    value = float(token)
    return int(value) if value.is_integer() and abs(value) <= MAX_SAFE else value


def _refuse(token):
    raise ValueError(f"{token} is not JSON")
