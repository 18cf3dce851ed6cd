"""Folders that go out of the mail server or into it as a whole (docs/decisions/0016)."""
