"""Looking people up in directories, as plain Python: ``person`` is what is known of somebody, ``words`` turns what
was typed into a question, ``client`` asks one directory within limits, ``outline`` keeps who is where. No Django."""
