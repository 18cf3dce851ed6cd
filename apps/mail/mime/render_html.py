"""HTML mail made harmless: the first of the layers that docs/architecture.md describes under "Reading mail safely".

tidy (well nested, bounded) -> css-inline (rules become style attributes) -> nh3 with our attribute filter, which writes
the result. Nothing touches the string after nh3 (CVE-2024-42009 was exactly that).
"""

from __future__ import annotations

import html as escapes
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

import css_inline
import nh3
from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime import css, links, render_text, to_text, trackers
from apps.mail.mime.tidy import TAGS, Tidied, tidy

MAX_HTML = 2_000_000  # characters; what comes after is cut
MAX_STYLES = 600_000  # characters of distinct styles that are read before styles are dropped
MAX_DATA_IMAGE = 2_000_000  # characters of one data: address
MAX_DATA_IMAGES = 8_000_000  # of all

_EVERYWHERE = frozenset({"style", "dir", "lang", "title", "align", "valign", "bgcolor", "width", "height", "nowrap"})
_OF_TAG: dict[str, set[str]] = {
    "a": {"href"},
    "img": {"src", "alt", "border", "hspace", "vspace"},
    "table": {"border", "cellpadding", "cellspacing", "background", "summary", "rules", "frame"},
    "td": {"colspan", "rowspan", "background", "headers", "scope", "abbr"},
    "th": {"colspan", "rowspan", "background", "headers", "scope", "abbr"},
    "tr": {"background"},
    "col": {"span"},
    "colgroup": {"span"},
    "font": {"color", "face", "size"},
    "hr": {"color", "size", "noshade"},
    "ol": {"type", "start", "reversed"},
    "ul": {"type"},
    "li": {"type", "value"},
    "blockquote": {"cite", "type"},
    "details": {"open"},
    "time": {"datetime"},
    "bdo": {"dir"},
}
_ATTRIBUTES = {tag: set(_EVERYWHERE | _OF_TAG.get(tag, set())) for tag in TAGS}
_ATTRIBUTES["blockquote"].discard("cite")
_DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "template",
    "svg",
    "math",
    "iframe",
    "object",
    "textarea",
    "select",
}
_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}
_DATA_IMAGE = re.compile(r"data:image/(?:png|jpe?g|gif|webp|bmp);base64,[A-Za-z0-9+/=\s%]*", re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?|ftp):|//|[\\/]{2}", re.IGNORECASE)

_inliner = css_inline.CSSInliner(
    load_remote_stylesheets=False, keep_style_tags=False, keep_link_tags=False, keep_at_rules=False
)
_BODY_TAG = re.compile(r"<body(?P<attributes>[^>]*)>(?P<content>.*)</body></html>\s*\Z", re.DOTALL)
PIECE = 4000  # characters and references of text, of which nh3 gets no more in one
_TAG_OR_PIECE = re.compile(rf'<(?>"[^"]*"|[^">])*+>|((?>&[a-zA-Z0-9#]++;?|[^<&]|&){{1,{PIECE}}}+)')
_STYLE_ATTRIBUTE = re.compile(r'\sstyle="(?P<value>[^"]*)"')


@dataclass(frozen=True, slots=True)
class RenderedHtml:
    """``html`` is a fragment for the inside of a body whose style attribute is ``body_style``."""

    html: str
    blocked: int = 0  # different remote addresses that were not loaded
    body_style: str = ""
    cut: bool = False  # parts of a very large message are missing
    as_text: bool = False  # the HTML was too broken to be shown: this is its text
    mismatches: tuple[links.Mismatch, ...] = ()
    trackers: tuple[tuple[str, str], ...] = ()  # of the addresses that were not loaded: see ``trackers.named``


@dataclass(slots=True)
class _Filter:
    """nh3's attribute filter, and what it has seen."""

    cid: Callable[[str], str | None]
    remote: Callable[[str], str | None] | None
    outgoing: bool = False
    blocked: set[str] = field(default_factory=set)
    styles: set[str] = field(default_factory=set)
    styles_left: int = MAX_STYLES
    data_left: int = MAX_DATA_IMAGES

    def __call__(self, tag: str, name: str, value: str) -> str | None:
        try:
            return self.attribute(tag, name, value)
        except Exception:  # noqa: BLE001 - nh3 would keep the value of an attribute whose filter failed
            return None

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return self.style(value) or None
        if name == "href":
            return links.safe_href(value) if tag == "a" else None
        if name in ("src", "background"):
            return self.image(value)
        return value if len(value) <= 2000 else None

    def style(self, value: str) -> str:
        if value not in self.styles:
            self.styles_left -= len(value)
            if self.styles_left < 0:
                return ""
            self.styles.add(value)
        return css.style(value, self.image)

    def image(self, address: str) -> str | None:
        """The gate that every address of something to load passes."""
        address = "".join(address.split()) if address[:5].lower() != "data:" else address
        address = address.strip("".join(map(chr, range(0x21))))
        lower = address[:5].lower()
        if lower.startswith("cid:"):
            return address if self.outgoing else self.cid(address[4:]) or self.cid(unquote(address[4:]))  # RFC 2392
        if lower == "data:":
            return self.data(address)
        if (found := self.cid(address)) is not None:  # Content-Location (RFC 2557)
            return found
        href = links.safe_href("https:" + address if address[:1] in "/\\" else address)
        if not _REMOTE.match(address) or href is None or not href.startswith("http"):
            if _REMOTE.match(address):
                self.blocked.add(address)
            return None
        if self.remote is None:
            self.blocked.add(href)
            return None
        return self.remote(href)

    def data(self, address: str) -> str | None:
        self.data_left -= len(address)
        fits = len(address) <= MAX_DATA_IMAGE and self.data_left >= 0
        return address if fits and _DATA_IMAGE.fullmatch(address) else None


def render(
    html: str,
    *,
    cid: Callable[[str], str | None],
    remote: Callable[[str], str | None] | None = None,
    fold: str = "",
    sanitise: bool = True,
) -> RenderedHtml:
    """``cid`` is asked with a Content-ID (no "cid:", no brackets), and with the whole address of anything else that the
    message might carry itself (Content-Location); None means that the message does not have it.

    ``remote`` turns the address of a remote image into one of the portal's proxy; None blocks all of them: their
    ``alt`` text stands in their place. ``fold``: the words under which earlier messages that are quoted stand folded.
    ``sanitise=False`` exists so that tests can prove the other layers alone.
    """
    if not sanitise:
        return RenderedHtml(html)
    cut = len(html) > MAX_HTML
    filter_ = _Filter(cid, remote)
    tidied = tidy(html[:MAX_HTML])
    try:
        content, body_style = _inlined(tidied)
        clean = _clean(_folded(content, fold) if fold else content, filter_)
        style = css.style(_body_style(tidied.body, body_style), filter_.image, only=css.BODY_PROPERTIES)
    except BaseException as error:
        if not _is_panic(error):
            raise
        return _as_text(html)
    return RenderedHtml(
        html=clean,
        blocked=len(filter_.blocked),
        body_style=style,
        cut=cut or tidied.cut,
        mismatches=links.mismatches(clean),
        trackers=trackers.named(filter_.blocked),
    )


def clean_outgoing(html: str, *, keep_remote: bool = False) -> str:
    """HTML that our own user sends or quotes: the same allow-list; ``cid:`` images stay as they are, remote ones only
    when asked for, so that answering never loads what reading has blocked."""
    filter_ = _Filter(lambda _id: None, (lambda address: address) if keep_remote else None, outgoing=True)
    tidied = tidy(html[:MAX_HTML])
    try:
        content, _style = _inlined(tidied)
        return _clean(_as_displayed(content), filter_)
    except BaseException as error:
        if not _is_panic(error):
            raise
        return _as_text(html).html


_GONE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_UNSEEN = re.compile(
    r"(?:font-size|opacity)\s*:\s*\.?0[.0]*[a-z%]*\s*(?=[;!\"']|\Z)|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE
)


def _as_displayed(content: str) -> str:
    """Without what a reader has not seen, and with what only looked like nothing: who answers sends nothing unseen."""
    if not (_GONE.search(content) or _UNSEEN.search(content)):
        return content
    body = LexborHTMLParser(f"<!DOCTYPE html><html><head></head><body>{content}</body></html>").body
    for node in reversed(body.css("[style]") if body is not None else []):  # what lies in another comes first
        style = node.attributes.get("style") or ""
        if _GONE.search(style):
            node.decompose()
        elif _UNSEEN.search(style):
            node.attrs["style"] = _UNSEEN.sub("", style)
    return (body.inner_html if body is not None else None) or ""


#: What programs put around a message they quote: most of them, Gmail, Outlook on the web.
_QUOTES = "blockquote[type='cite'], .gmail_quote, .yahoo_quoted, #appendonsend ~ div"
MOST_QUOTES = 50


def _folded(content: str, words: str) -> str:
    """Each quoted message, with those it quotes itself, inside ``<details>``. It is sanitised after this."""
    tree = LexborHTMLParser(content)
    quotes = tree.css(_QUOTES)
    inside = {quote.mem_id for outer in quotes[:MOST_QUOTES] for quote in outer.css(_QUOTES)[1:]}
    for quote in quotes[:MOST_QUOTES]:
        if quote.mem_id in inside:
            continue
        folded = LexborHTMLParser(f"<details><summary>{escapes.escape(words)}</summary>{quote.html}</details>")
        if (details := folded.css_first("details")) is not None:
            quote.replace_with(details)
    return (tree.body.inner_html if tree.body is not None else None) or ""


def _is_panic(error: BaseException) -> bool:
    """A Rust library gave up: PyO3 makes it a BaseException that cannot be imported."""
    return type(error).__name__ == "PanicException"


def _as_text(html: str) -> RenderedHtml:
    return RenderedHtml(html=render_text.render(to_text.text(html)), as_text=True)


def _inlined(tidied: Tidied) -> tuple[str, str]:
    """(content of the body, its style), the rules of the style sheets in style attributes."""
    sheet = css.sheet(tidied.css, tags=tidied.tags, classes=tidied.classes) if tidied.css else ""
    style = tidied.body.get("style", "")
    if not sheet:
        return tidied.html, escapes.unescape(style)
    style, classes = (escapes.escape(escapes.unescape(value)) for value in (style, tidied.body.get("class", "")))
    body = f'<body style="{style}" class="{classes}">'
    # "<" cannot stand in a rule that css.sheet wrote
    document = f"<!DOCTYPE html><html><head><style>{sheet}</style></head>{body}{tidied.html}</body></html>"
    try:
        match = _BODY_TAG.search(_inliner.inline(document))
    except css_inline.InlineError:
        match = None
    if match is None:
        return tidied.html, escapes.unescape(style)
    found = _STYLE_ATTRIBUTE.search(match["attributes"])
    return match["content"], escapes.unescape(found["value"]) if found else ""


def _body_style(attributes: dict[str, str], style: str) -> str:
    """The old attributes of <body> first, so that its style wins."""
    old = []
    for name, declaration in (
        ("bgcolor", "background-color: {}"),
        ("text", "color: {}"),
        ("background", 'background-image: url("{}")'),
    ):
        value = escapes.unescape(attributes.get(name, ""))
        if value and not re.search(r'["\\;{}()\n\r\f]', value):
            old.append(declaration.format(value))
    return "; ".join([*old, style])


def _in_pieces(content: str) -> str:
    """Long texts with comments in between, which nh3 takes out: writing one text, its time grows with the square of the
    number of characters from U+0080 to U+00BF in it."""
    if max(map(len, content.split("<"))) < PIECE:
        return content
    return _TAG_OR_PIECE.sub(lambda found: f"{found[0]}<!---->" if len(found[1] or "") >= PIECE else found[0], content)


def _clean(content: str, filter_: _Filter) -> str:
    return nh3.clean(
        _in_pieces(content),
        tags=set(TAGS),
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=filter_,
        url_schemes=_SCHEMES,
        link_rel=None if filter_.outgoing else "noopener noreferrer",
        set_tag_attribute_values={} if filter_.outgoing else {"a": {"target": "_blank"}},
        strip_comments=True,
    )
