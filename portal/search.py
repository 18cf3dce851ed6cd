"""One question to everything that can be searched: asks every search provider that any app has registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest

from portal import fanout
from portal.contracts import SearchHit, SearchProvider, Text
from portal.registry import get_registry

BUDGET = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class Results:
    """What one provider has found; ``error`` says in one word why it found nothing."""

    id: str
    label: Text
    hits: tuple[SearchHit, ...]
    error: str = ""


def search(request: HttpRequest, *, query: str, limit: int = 10) -> list[Results]:
    """One result list per provider, in the order of the apps; those without hits are left out, failed ones are not."""
    return [result for result in _ask(request, query.strip(), limit) if result.hits or result.error]


def _ask(request: HttpRequest, query: str, limit: int) -> Iterator[Results]:
    if not query:
        return
    providers = get_registry().search_providers

    def asking(provider: SearchProvider) -> Callable[[], tuple[SearchHit, ...]]:
        return lambda: tuple(provider.search(request, query, limit))[:limit]

    calls = {key: asking(provider) for key, provider in providers.items()}
    for answer in fanout.collect(calls, budget=BUDGET, what="search"):
        yield Results(answer.id, providers[answer.id].label, answer.value or (), answer.error)
