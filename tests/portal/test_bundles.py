"""Modules put together: what they do stays what it was."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from portal.bundles import FRAME, UnknownForm, bundle

ROOT = Path(__file__).parents[2]
OWN = [path for folder in ("portal", "apps") for path in (ROOT / folder).rglob("static/*/js/*.js")]

#: An app with a counter that two entries share, and what one of them has of the frame.
MODULES = {
    "app/js/counter.js": """
        let count = 0;
        export function next() { return (count += 1); }
        export async function late() { return await Promise.resolve(count); }
        export const half = (number) => number / 2;
        """,
    "app/js/words.js": """
        export class Word { say() { return "word"; } }
        export { next as following, late } from "./counter.js";
        """,
    "app/js/hello.js": 'document.title += "hello;";\n',
    "app/vendor/theirs.js": 'var theirs=(()=>({name:"theirs"}))();export default theirs;',
    "app/js/one.js": """
        import {
          $,
        } from "../../portal/js/portal.js";
        import "./hello.js";
        import { next, half as part } from "./counter.js";
        import * as words from "./words.js";
        import theirs from "../vendor/theirs.js";
        const word = new words.Word();
        document.title += `${next()} ${part(4)} ${word.say()} ${words.following()} ${theirs.name} ${$("title")};`;
        export const later = () => import("./more/two.js");
        export { late } from "./words.js";
        """,
    "app/js/more/two.js": """
        import "../hello.js";
        import { next } from "../counter.js";
        document.title += `two ${next()};`;
        """,
    FRAME: 'document.title += "frame;";\nexport const $ = (selector) => `<${selector}>`;\n',
}
MODULES = {name: re.sub(r"^ {8}", "", text.lstrip("\n"), flags=re.MULTILINE) for name, text in MODULES.items()}


def read(name: str) -> str:
    return MODULES[name]


def test_what_a_module_imports_from_its_app_is_in_its_file() -> None:
    made = bundle("app/js/one.js", read)
    assert re.findall(r'^import.* from "(.*)";$', made, re.MULTILINE) == ["../../portal/js/portal.js"]
    assert 'import("./more/two.js")' in made


def test_modules_put_together_run_once_and_in_their_order(page: Page) -> None:
    titles = []
    for served in (MODULES, {name: bundle(name, read) for name in MODULES}):
        asked: list[str] = []

        def serve(route, request, served=served, asked=asked) -> None:  # type: ignore[no-untyped-def]
            name = request.url.removeprefix("http://app.localhost/")
            asked.append(name)
            kind = "text/javascript" if name else "text/html"
            route.fulfill(body=served.get(name, "<title></title>"), content_type=kind)

        page.route("http://app.localhost/**", serve)
        page.goto("http://app.localhost/")
        said = page.evaluate("""async () => {
            const one = await import("/app/js/one.js");
            await one.later();
            return [await one.late(), Object.keys(one).sort()];
        }""")
        titles.append((page.title(), said))
        page.unroute_all()
    assert titles[0] == titles[1] == ("frame;hello;1 2 word 2 theirs <title>;two 3;", [3, ["late", "later"]])
    assert sorted(asked) == ["", "app/js/more/two.js", "app/js/one.js", FRAME]


@pytest.mark.parametrize(
    "script",
    [
        "export let count = 0;",
        "export default function () {}",
        "export { one };\nconst one = 1;",
        "export * from './counter.js';",
        "export const { one } = all;",
        "export const one = 1, two = 2;",
        "export const one = [1],\n  two = 2;",
        "import one, { two } from './counter.js';",
        "import one from 'package';",
        "import one from '/static/app/js/counter.js'\n",
        "const all = {};import{next}from'./counter.js';",
        "const here = new URL('x.svg', import.meta.url);",
        "const one = await fetch('/');",
        "await fetch('/');",
        "import(`./${name}.js`);",
    ],
)
def test_a_form_that_is_not_known_is_an_error(script: str) -> None:
    with pytest.raises(UnknownForm, match=r"app/js/new\.js"):
        bundle("app/js/new.js", {**MODULES, "app/js/new.js": script}.__getitem__)


def test_modules_that_import_each_other_are_an_error() -> None:
    modules = {"app/js/a.js": 'import "./b.js";\n', "app/js/b.js": 'import "./a.js";\n'}
    with pytest.raises(UnknownForm, match="each other"):
        bundle("app/js/a.js", modules.__getitem__)


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_our_own_modules_are_all_in_known_forms(path: Path) -> None:
    """Read where they lie: the app need not be installed."""
    assert bundle(
        path.relative_to(path.parents[2]).as_posix(), lambda name: (path.parents[2] / name).read_text("utf-8")
    )
