"""Forms as a browser without scripts sees them: their fields as drawn, and what it would send."""

from __future__ import annotations

from html.parser import HTMLParser

Fields = dict[str, list[str]]
_DEFAULTS = {"checkbox": "on", "radio": "on"}


class _Reader(HTMLParser):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.fields: Fields = {}
        self._inside = self._template = False
        self._area: tuple[str, list[str]] | None = None
        self._choice = ""  # the name of the list that is being read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._inside = given.get("id", "") == self.form
        self._template = self._template or tag == "template"
        name = given.get("name")
        if tag == "option" and self._choice and (given.get("selected", "") is None or self._choice not in self.fields):
            self.fields[self._choice] = [given.get("value") or ""]  # the one selected, else the first
        if not self._inside or self._template or not name or "disabled" in given:
            return
        if tag == "select":
            self._choice = name
        if tag == "textarea":
            self._area = (name, [])
        elif tag == "input" and given.get("type") not in {"file", "submit"} and _is_chosen(given):
            self.fields.setdefault(name, []).append(given.get("value", _DEFAULTS.get(given.get("type") or "")) or "")

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            name, pieces = self._area
            self.fields.setdefault(name, []).append("".join(pieces).removeprefix("\n"))
            self._area = None
        elif tag == "select":
            self._choice = ""
        elif tag == "form":
            self._inside = False
        elif tag == "template":
            self._template = False


def _is_chosen(given: dict[str, str | None]) -> bool:
    return given.get("type") not in {"radio", "checkbox"} or "checked" in given


def fields(html: str, form: str) -> Fields:
    """What the form with this id would send, by name; files and buttons apart. "" reads the forms without an id."""
    reader = _Reader(form)
    reader.feed(html)
    reader.close()
    assert reader.fields, f"no form {form!r} in {html[:500]}"
    return reader.fields
