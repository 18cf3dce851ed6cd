"""The servers that development and the tests talk to. Standard library only: it runs before any package exists."""
