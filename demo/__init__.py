"""The mail servers and the mailboxes of `make run`: real IMAP and SMTP on loopback, kept in one SQLite file."""
