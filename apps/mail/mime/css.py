"""Style sheets and style attributes of mail: properties by allow-list, values token by token, addresses by a gate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

import tinycss2
from tinycss2.ast import Declaration, Node

#: An address in a style, to what may stand there instead; None takes the whole declaration away.
Gate = Callable[[str], str | None]

MAX_STYLE = 4096  # characters of one style attribute
MAX_VALUE = 400  # of one declaration
MAX_DEPTH = 8  # functions within functions
MAX_RULES = 3000
MAX_SELECTOR = 400
MAX_WORK = 15_000_000  # rules times elements
MAX_EXPANSION = 2_000_000  # characters that a style sheet may put into attributes

_SIDES = ("", "-top", "-right", "-bottom", "-left")
_CORNERS = ("", "-top-left", "-top-right", "-bottom-left", "-bottom-right")
_PLAIN_PROPERTIES = """
    width height min-width max-width min-height max-height box-sizing display float clear overflow visibility
    background background-color background-image background-position background-repeat background-size
    color opacity font font-family font-size font-style font-variant font-weight line-height
    text-align text-decoration text-decoration-color text-decoration-line text-decoration-style
    text-indent text-transform text-overflow letter-spacing word-spacing white-space word-break word-wrap
    overflow-wrap hyphens vertical-align direction list-style list-style-type list-style-position
    border-collapse border-spacing caption-side empty-cells table-layout box-shadow text-shadow
    flex flex-direction flex-wrap flex-grow flex-shrink flex-basis justify-content align-items align-self
    gap row-gap column-gap
"""
PROPERTIES = frozenset(
    [
        *_PLAIN_PROPERTIES.split(),
        *(f"{what}{side}" for what in ("margin", "padding") for side in _SIDES),
        *(f"border{side}{what}" for side in _SIDES for what in ("", "-width", "-style", "-color")),
        *(f"border{corner}-radius" for corner in _CORNERS),
    ]
)
#: What a message may say about the page it stands on: looks, never size, place or whether it is there at all.
BODY_PROPERTIES = frozenset(
    name for name in PROPERTIES if name.startswith(("background", "color", "font", "line-", "direction", "text-align"))
)
_IMAGES = frozenset({"background", "background-image"})
_FUNCTION_NAMES = """
    rgb rgba hsl hsla calc min max clamp linear-gradient radial-gradient repeating-linear-gradient
    repeating-radial-gradient
"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_NOT_NEGATIVE = re.compile(r"(?:margin|text-indent|letter-spacing|word-spacing)")
_DISPLAY_NAMES = """
    none block inline inline-block flow-root list-item table inline-table table-row table-cell table-row-group
    table-header-group table-footer-group table-column table-column-group table-caption flex inline-flex
"""
_DISPLAYS = frozenset(_DISPLAY_NAMES.split())
_SELECTOR = re.compile(r"[\w\s.#*>+~,:()\[\]=\"'^$|-]+")
#: States and drawn content that no style attribute can hold.
_DYNAMIC = re.compile(
    r"::|:(?:hover|active|focus|visited|link|target|before|after|first-line|first-letter|root|host)", re.IGNORECASE
)
_LAST = re.compile(r"[^\s>+~]+\Z")
_SIMPLE = re.compile(r"\.([\w-]+)|#[\w-]+|^([a-z][\w]*)", re.IGNORECASE)


def style(value: str, gate: Gate | None = None, *, only: frozenset[str] = PROPERTIES) -> str:
    """The declarations of a style attribute that may stay, written anew; idempotent. Without a gate no address may."""
    if len(value) > MAX_STYLE:
        return ""
    if only is PROPERTIES and (gate is None or ("\\" not in value and "url" not in value.lower())):
        return _without_addresses(value)
    return _declarations(_parsed(value), gate or _closed, only=only)


@lru_cache(maxsize=4096)
def _without_addresses(value: str) -> str:
    return _declarations(_parsed(value), _closed)


def _parsed(value: str) -> list[Node]:
    nodes: list[Node] = tinycss2.parse_blocks_contents(value, skip_comments=True, skip_whitespace=True)
    return nodes


def _closed(_address: str) -> str | None:
    return None


def _declarations(
    nodes: Iterable[Node], gate: Gate, *, important: bool = False, only: frozenset[str] = PROPERTIES
) -> str:
    kept = []
    for node in nodes:
        if node.type == "declaration" and node.lower_name in only:
            text = _value(node, gate)
            if text:
                kept.append(f"{node.lower_name}: {text}" + (" !important" if important and node.important else ""))
    return "; ".join(kept)


def _value(declaration: Declaration, gate: Gate) -> str:
    """The declaration's value; "" when it may not stay."""
    name = declaration.lower_name
    tokens = _allowed(declaration.value, gate if name in _IMAGES else _closed, 0)
    if tokens is None:
        return ""
    written = tinycss2.serialize(tokens)
    text = " ".join(written.split())
    # escapes have become characters by now: what is still escaped is a control or a sign in a place it has none in
    if re.search(r"[\\<\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]", written):
        return ""
    # an address may be long, anything else that is long only costs time
    if len(text) > (MAX_STYLE if "url(" in text else MAX_VALUE):
        return ""
    if _NOT_NEGATIVE.match(name) and "-" in re.sub(r"[a-z]-", "", text):
        return ""  # moves things over others, or out of sight
    if name == "display" and text.lower() not in _DISPLAYS:
        return ""
    return text


def _allowed(tokens: Iterable[Node], gate: Gate, depth: int) -> list[Node] | None:
    """The tokens with addresses exchanged; None when one of them makes the whole value impossible."""
    kept: list[Node] = []
    for token in tokens:
        replaced = _token(token, gate, depth)
        if replaced is None:
            return None
        kept += replaced
    return kept


def _token(token: Node, gate: Gate, depth: int) -> list[Node] | None:
    if token.type in ("whitespace", "ident", "number", "percentage", "dimension", "hash", "string"):
        return [token]
    if token.type == "literal":
        return [token] if token.value in (",", "/", "+", "-", "*") else None
    if token.type == "comment":
        return []
    if token.type == "url":
        return _address(token.value, gate)
    if token.type == "function" and token.lower_name == "url":
        strings = [argument.value for argument in token.arguments if argument.type == "string"]
        return _address(strings[0], gate) if len(strings) == 1 else None
    if token.type == "function" and token.lower_name in _FUNCTIONS and depth < MAX_DEPTH:
        arguments = _allowed(token.arguments, _closed, depth + 1)
        if arguments is None:
            return None
        return _components(f"{token.lower_name}({tinycss2.serialize(arguments)})")
    return None


def _address(address: str, gate: Gate) -> list[Node] | None:
    allowed = gate(address)
    if allowed is None:
        return None
    quoted = re.sub(r'[\\"\x00-\x1f\x7f<>]', lambda match: f"%{ord(match[0]):02X}", allowed)
    return _components(f'url("{quoted}")')


def _components(text: str) -> list[Node]:
    nodes: list[Node] = tinycss2.parse_component_value_list(text)
    return nodes


def sheet(source: str, *, tags: Mapping[str, int], classes: Mapping[str, int]) -> str:
    """A style sheet reduced to plain rules that can be put into attributes, no matter how hostile: no imports, no
    addresses, no conditions but "screen" and "all", and no more than ``MAX_EXPANSION`` characters once applied.

    ``tags`` and ``classes`` say how often each occurs in the document.
    """
    elements = sum(tags.values())
    most = min(MAX_RULES, MAX_WORK // max(1, elements))
    left = MAX_EXPANSION
    kept: list[str] = []
    for selector, body in _rules(source):
        if len(kept) >= most:
            break
        cost = len(body) * sum(_matches(part, tags, classes, elements) for part in selector.split(","))
        if cost <= left:
            left -= cost
            kept.append(f"{selector}{{{body}}}")
    return "\n".join(kept)


def _rules(source: str) -> Iterable[tuple[str, str]]:
    source = source.replace("<!--", "").replace("-->", "")
    pending = list(reversed(tinycss2.parse_stylesheet(source, skip_comments=True, skip_whitespace=True)))
    while pending:
        rule = pending.pop()
        if rule.type == "at-rule" and rule.lower_at_keyword == "media" and rule.content is not None:
            if tinycss2.serialize(rule.prelude).strip().lower() in ("screen", "all", "only screen", ""):
                inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
                pending += [node for node in reversed(inner) if node.type == "qualified-rule"]
        elif rule.type == "qualified-rule":
            selector = _selector(tinycss2.serialize(rule.prelude))
            content = tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True)
            body = _declarations(content, _closed, important=True)
            if selector and body:
                yield selector, body


def _selector(text: str) -> str:
    """The members of a selector list that a style attribute can stand for; "" when none is left."""
    if not _SELECTOR.fullmatch(text) or ("(" in text and "," in text):
        return ""
    parts = (" ".join(part.split()) for part in text.split(","))
    return ",".join(part for part in parts if part and len(part) <= MAX_SELECTOR and not _DYNAMIC.search(part))


def _matches(selector: str, tags: Mapping[str, int], classes: Mapping[str, int], elements: int) -> int:
    """At most so many elements can match, judged by the last compound."""
    last = _LAST.search(selector.strip())
    counts = [elements + 1]
    for match in _SIMPLE.finditer(last[0].partition(":")[0].partition("[")[0] if last else ""):
        if match[1]:
            counts.append(classes.get(match[1], 0))
        elif match[2]:
            counts.append(tags.get(match[2].lower(), 0) + (match[2].lower() == "body"))
    return min(counts)
