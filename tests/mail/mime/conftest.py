from hypothesis import settings

# a deadline measures wall time, which on a busy machine says nothing; `support.bounded` measures processor time
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
