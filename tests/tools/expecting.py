"""What a scenario says when something is not as expected."""
import os
import re

MODE = os.environ.get("MODE")
SLOW = MODE in ("asan", "tsan")
# Seconds; only failures wait so long.
PATIENCE = float(os.environ.get("REDCARD_TEST_PATIENCE", {"asan": "20", "tsan": "60"}.get(MODE, "8")))


class Unexpected(AssertionError):
    """Carries what was expected and what came."""


def expect(what, wanted, got):
    if wanted != got:
        raise Unexpected(f"{what}\n      expected {show(wanted)}\n      got      {show(got)}")


def show(value):
    text = repr(value)
    if len(text) <= 700:
        return text
    return f"{text[:420]} ... {text[-200:]} ({len(value) if hasattr(value, '__len__') else '?'} long)"


def brief(value):
    text = value if isinstance(value, str) else "-".join(map(str, value)) if isinstance(value,
        (tuple, list)) else str(value)
    return text if text.isprintable() and len(text) <= 60 else repr(text)[1:60]


def octets(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def fits(wanted, got):
    return bool(wanted.search(got or "")) if isinstance(wanted, re.Pattern) else wanted == got


def check_header(message, name, wanted):
    got = message.get(name)
    if not fits(wanted, got):
        raise Unexpected(f"header {name}\n      expected {show(wanted)}\n      got      {show(got)}")
