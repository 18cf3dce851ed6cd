"""Both caches take and give the same, and neither ever unpickles what it finds."""

from __future__ import annotations

import pickle  # noqa: TID251 - the attack that must not work
from datetime import UTC, datetime

import pytest
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from portal import conf


def cache_of(url: str) -> BaseCache:
    config = conf.cache(url)
    backend = import_string(config.pop("BACKEND"))
    cache = backend(config.pop("LOCATION", "test"), config)
    cache.clear()
    return cache


@pytest.fixture(params=["locmem", "redis"])
def cache(request: pytest.FixtureRequest) -> BaseCache:
    return cache_of("locmem://" if request.param == "locmem" else request.getfixturevalue("redis").url)


@pytest.mark.parametrize("value", [None, True, 0, -5, 2.5, "text", "5", "", [1, "a", None], {"a": {"b": [1]}}])
def test_values_come_back_as_they_were(cache: BaseCache, value: object) -> None:
    cache.set("key", value)
    found = cache.get("key", "missing")
    assert found == value
    assert type(found) is type(value)
    assert cache.get_many(["key", "other"]) == {"key": value}


def test_what_json_has_no_word_for(cache: BaseCache) -> None:
    cache.set("key", (1, 2))
    assert cache.get("key") == [1, 2]
    for value in (datetime.now(UTC), b"bytes", {1, 2}, object()):
        with pytest.raises(TypeError):
            cache.set("key", value)
        with pytest.raises(TypeError):
            cache.add("fresh", value)


def test_counting(cache: BaseCache) -> None:
    assert cache.add("count", 0)
    assert not cache.add("count", 7)
    assert cache.incr("count") == 1
    assert cache.incr("count", 4) == 5
    assert cache.get("count") == 5
    assert cache.get_or_set("other", "value") == "value"
    with pytest.raises(ValueError, match="not found"):
        cache.incr("nothing")


def test_forgetting(cache: BaseCache) -> None:
    cache.set_many({"a": 1, "b": 2})
    cache.delete_many(["a", "b"])
    assert cache.get("a") is None
    cache.set("a", 1, timeout=0)
    assert cache.get("a", "gone") == "gone"


class Attack:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("import builtins; builtins.attacked = True",))


def test_a_planted_pickle_runs_no_code(redis) -> None:
    cache = cache_of(redis.url)
    client = cache._cache.get_client("key", write=True)
    client.set(cache.make_key("key"), pickle.dumps(Attack()))
    with pytest.raises(ValueError):
        cache.get("key")
    import builtins

    assert not hasattr(builtins, "attacked")
