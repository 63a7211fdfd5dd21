"""Raises the serial of a zone (RFC 1982), as the operator counts it."""

from datetime import date

_MODULUS = 2**32
_LENGTH = 10
_FIRST_YEAR, _LAST_YEAR = 1990, 2099


def raised(serial: int, today: date) -> int:
    """Give the next serial: today's date with a number where the zone counts by YYYYMMDDnn, else one more.

    It never goes back, so a zone that was changed more than 100 times today borrows from tomorrow. 0 is left out,
    which some servers take for "none".
    """
    by_date = int(today.strftime("%Y%m%d")) * 100
    if _is_date(serial) and serial < by_date:
        return by_date
    return (serial + 1) % _MODULUS or 1


def _is_date(serial: int) -> bool:
    text = str(serial)
    if len(text) != _LENGTH:
        return False
    try:
        return _FIRST_YEAR <= date(int(text[:4]), int(text[4:6]), int(text[6:8])).year <= _LAST_YEAR
    except ValueError:
        return False
