"""Queries that are built once. Django takes several times as long to build one as a database on the spot to answer it,
and every page asks the same few."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models.sql.compiler import SQLCompiler

M = TypeVar("M", bound=models.Model)
_FIRST_MARK = 7_301_944_526_180_000_000  # stands for the first value while the query is built; fits a BIGINT


class Prepared(Generic[M]):
    """``build`` gets a mark for each value and returns a query with them in it; what it does with them beside that, as
    with a value it compares by ``in``, cannot be prepared. Values are numbers and texts. Each thread builds for
    itself, and anew where it has another connection: what is built belongs to one."""

    def __init__(self, build: Callable[..., models.QuerySet[M, Any]], values: int = 1) -> None:
        self._build = build
        self._marks = [_FIRST_MARK + number for number in range(values)]
        self._local = threading.local()

    def rows(self, *values: int | str) -> list[tuple[Any, ...]]:
        """As ``values_list`` gives them: the query's columns in their order."""
        compiler, sql, places, converters = self._built()
        with compiler.connection.cursor() as cursor:
            cursor.execute(sql, [values[at] if at is not None else fixed for at, fixed in places])
            found: list[tuple[Any, ...]] = list(cursor.fetchall())
        return list(map(tuple, compiler.apply_converters(found, converters))) if converters else found

    def objects(self, *values: int | str) -> list[M]:
        """For a query of whole rows."""
        model: type[M] = self._built()[0].query.model  # type: ignore[assignment]
        names = [field.attname for field in model._meta.concrete_fields]
        alias = self._built()[0].connection.alias
        return [model.from_db(alias, names, row) for row in self.rows(*values)]

    def _built(self) -> tuple[SQLCompiler, str, list[tuple[int | None, Any]], dict[int, Any]]:
        built: tuple[SQLCompiler, str, list[tuple[int | None, Any]], dict[int, Any]] | None
        built = getattr(self._local, "built", None)
        if built is None or built[0].connection is not connections[built[0].connection.alias]:
            query = self._build(*self._marks)
            compiler = query.query.get_compiler(using=query.db)
            sql, parameters = compiler.as_sql()
            at = {str(mark): number for number, mark in enumerate(self._marks)}
            places = [(at.get(str(value)), value) for value in parameters]
            converters = compiler.get_converters([column[0] for column in compiler.select])
            built = self._local.built = (compiler, sql, places, converters)
        return built
