"""Measurements that anybody can repeat: ``make bench`` prints one table, of what people do and what it costs beside the
least that any client would wait for on a bare IMAP socket. ``make bench ARGS=--help`` names its parts."""
