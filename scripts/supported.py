"""Which Pythons Yurt runs on. Old enough in its syntax to tell an old Python what is wrong with it."""

import sys

OLDEST, NEWEST = (3, 11), (3, 13)


def complaint(command):
    # type: (str) -> str
    """One line with the cure when this Python is none of them, else ""."""
    if OLDEST <= tuple(sys.version_info[:2]) <= NEWEST:
        return ""
    found = sys.version.split()[0]
    return "Yurt needs Python 3.11, 3.12 or 3.13, this is " + found + ". Cure: " + command + " PYTHON=python3.11"
