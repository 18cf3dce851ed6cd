"""Size budgets: a module, a function or a template that outgrows them is doing too much."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULE_LINES, FUNCTION_LINES, TEMPLATE_LINES = 400, 60, 150
SOURCE = ("portal", "apps", "demo", "scripts", "benchmarks", "tests/support", "tests/dummyapp")


def over_budget(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    limit = MODULE_LINES if path.suffix == ".py" else TEMPLATE_LINES
    if lines > limit:
        yield f"{path}: {lines} lines, {limit} are the budget"
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{path}:{node.lineno}: {node.name} has {length} lines, {FUNCTION_LINES} are the budget"


def sources() -> list[Path]:
    modules = [path for folder in SOURCE for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
    templates = [path for folder in ("templates", "portal", "apps") for path in (ROOT / folder).rglob("*.html")]
    return sorted([*modules, *templates])


def test_everything_keeps_its_budget() -> None:
    assert len(sources()) > 50
    assert [line for path in sources() for line in over_budget(path)] == []


def test_the_budgets_bite(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("x = 1\n" * MODULE_LINES)
    assert list(over_budget(module)) == []
    module.write_text("x = 1\n" * (MODULE_LINES + 1))
    assert len(list(over_budget(module))) == 1
    module.write_text("def long():\n" + "    x = 1\n" * FUNCTION_LINES)
    assert [line.partition(": ")[2] for line in over_budget(module)] == ["long has 61 lines, 60 are the budget"]
    page = tmp_path / "page.html"
    page.write_text("<p>\n" * (TEMPLATE_LINES + 1))
    assert len(list(over_budget(page))) == 1
