"""The steps of `make run`. Standard library only, apart from `prepare`, which runs inside the environment."""
