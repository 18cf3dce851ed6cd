"""OpenID Connect as a second level of signing in, and its tokens as what opens the mailbox."""
