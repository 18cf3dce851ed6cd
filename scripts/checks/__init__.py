"""Checks of our own, run by ``make lint``: each prints what is wrong with file and line, and fails."""
