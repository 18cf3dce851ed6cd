"""LDAP (RFC 4511) for whichever app asks a directory: ``connection`` is the wire, ``session`` what is asked over it,
``filters`` the words of a question. Knows no Django."""
