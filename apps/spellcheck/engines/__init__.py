"""Spelling in plain Python: the words of a text, the language of a paragraph, dictionaries, and what was meant."""
