"""The site's own small authority: certificates for its servers and its people.

``authority`` makes and checks certificates and knows neither files nor database; ``store`` is the folder in which
the authority lives; ``services`` ties both to the rows of ``models``.
"""
