"""IMAP servers that go wrong: what they say, what the portal makes of it. Run by `tests/mail/test_imap_faults.py`."""
