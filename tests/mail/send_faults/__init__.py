"""Sending that goes wrong, line by line. Run by `tests/mail/test_send_faults.py`."""
