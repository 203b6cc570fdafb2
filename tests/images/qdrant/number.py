"""Numbers as the server reads and prints them."""

import json
import re
import struct

_PARTS = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")


def single(value):
    """The float32 next to a number, as the double that prints with the fewest digits that still mean it."""
    packed = struct.pack("<f", value)
    nearest = struct.unpack("<f", packed)[0]
    for digits in (6, 7, 8):
        short = float(f"{nearest:.{digits}g}")
        if struct.pack("<f", short) == packed:
            return short
    return float(f"{nearest:.9g}")


def _double(text):
    """serde_json without `float_roundtrip`: the digits as one integer, then one multiplication or division; off by a bit at times."""
    sign, whole, fraction, exponent = _PARTS.fullmatch(text).groups()
    digits = whole + (fraction or "")
    power = int(exponent or 0) - len(fraction or "")
    while int(digits) >= 1 << 64:
        digits, power = digits[:-1], power + 1
    value = float(int(digits))
    value = value / 10.0**-power if power < 0 else value * 10.0**power
    return -value if sign else value


def parse(text):
    return json.loads(text, parse_float=_double)


def render(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
