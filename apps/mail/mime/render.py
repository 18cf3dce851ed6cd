"""Message texts as HTML that is safe to put into a page: ``render.html`` and ``render.text``."""

from apps.mail.mime.render_html import RenderedHtml
from apps.mail.mime.render_html import render as html
from apps.mail.mime.render_text import render as text

__all__ = ["RenderedHtml", "html", "text"]
