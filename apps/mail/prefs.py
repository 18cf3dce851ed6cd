"""The preferences of mail. A page per activity; the keys begin with the app's id."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.prefs import PrefPage, bool_pref, choice_pref, int_pref, text_pref

PAGE_SIZE = choice_pref(
    "mail.page_size",
    _("Messages per page"),
    "50",
    choices=[("25", "25"), ("50", "50"), ("100", "100"), ("200", "200")],
)
ENDLESS = bool_pref(
    "mail.endless",
    _("Load more as I scroll"),
    False,
    help=_("Instead of page by page. The pages stay reachable below the list."),
    words=_("endless, infinite"),
)
LIST_MODE = choice_pref(
    "mail.list_mode",
    _("Messages that belong together"),
    "conversations",
    choices=[
        ("conversations", pgettext_lazy("list mode", "share one row, as a conversation")),
        ("threads", pgettext_lazy("list mode", "stand below each other, as a thread")),
        ("flat", pgettext_lazy("list mode", "are listed one by one")),
    ],
    help=_("Each folder can be shown otherwise, in the menu above its list."),
    words=_("thread, threading, grouping"),
)
SNIPPETS = bool_pref("mail.snippets", _("Show the first words of each message in the list"), True, words=_("preview"))
BODY = choice_pref(
    "mail.body",
    _("When a message has both forms, show"),
    "html",
    choices=[("html", _("the formatted text")), ("plain", _("the plain text"))],
    words="HTML",
)
MARK_READ = choice_pref(
    "mail.mark_read",
    _("Mark a message as read"),
    "open",
    choices=[("open", _("when it is opened")), ("never", _("only when I say so"))],
)
REMOTE_IMAGES = choice_pref(
    "mail.remote_images",
    _("Images that a message loads from elsewhere"),
    "ask",
    choices=[
        ("ask", _("are loaded when I ask for them")),
        ("never", pgettext_lazy("remote images", "are never loaded")),
    ],
    help=_(
        "Loading them tells the sender that you read the message, and when. "
        "They come through this portal, so your address stays hidden."
    ),
    words=_("tracking, privacy, pictures"),
)

DARK = choice_pref(
    "mail.dark",
    _("In the dark theme, show formatted messages"),
    "dim",
    choices=[
        ("dim", _("in their own colours, dimmed")),
        ("adapt", _("in dark colours")),
        ("light", _("in their own colours")),
    ],
    help=_("Senders choose colours for white paper. Pictures keep theirs."),
    words=_("night, contrast, HTML"),
)
RECEIPTS = choice_pref(
    "mail.receipts",
    _("When a sender wants to be told that I have opened the message"),
    "ask",
    choices=[
        ("ask", pgettext_lazy("read receipts", "ask me")),
        ("known", pgettext_lazy("read receipts", "ask me if I know the sender, else tell nothing")),
        ("never", pgettext_lazy("read receipts", "tell nothing, and do not ask")),
    ],
    help=_("Nothing is ever sent without your saying so."),
    words=_("read receipt, return receipt, MDN, privacy"),
)

CHECK = choice_pref(
    "mail.check",
    _("Look for new messages"),
    "30",
    choices=[
        ("15", _("every 15 seconds")),
        ("30", _("every 30 seconds")),
        ("60", _("every minute")),
        ("300", _("every 5 minutes")),
        ("0", _("when I load the page")),
    ],
    help=_("While the list is open and visible."),
    words=_("refresh, reload, poll, interval"),
)
FOLLOWED_FOLDERS = bool_pref(
    "mail.followed_folders",
    _("Show only folders that I am subscribed to"),
    False,
    help=_("“Manage folders” lists all of them and is where you subscribe."),
    words=_("subscription, folder tree"),
)

READING = PrefPage(
    id="mail.reading",
    title=_("Reading mail"),
    help=_("Looking for new messages, and what happens when you open one."),
    icon="mail-open",
    order=20,
    prefs=(CHECK, BODY, DARK, MARK_READ, REMOTE_IMAGES, RECEIPTS, FOLLOWED_FOLDERS),
)

FORMAT = choice_pref(
    "mail.format",
    _("Write in"),
    "plain",
    choices=[("plain", _("plain text")), ("html", _("rich text: bold, lists, links"))],
    words="HTML",
)
WRITE_IN = choice_pref(
    "mail.write_in",
    _("New messages and replies open in"),
    "window",
    choices=[("window", _("a window on the page, several side by side")), ("page", _("the whole page"))],
    help=_("On small screens they take the whole page anyway."),
    words=_("compose, popup, minimise"),
)
SENDER_NAME = text_pref(
    "mail.sender_name",
    _("Your name as others see it"),
    max_length=100,
    help=_("Shown beside your address in what you send. Empty: the name of your account."),
    words=_("from, sender"),
)
SIGNATURE = text_pref(
    "mail.signature",
    _("Signature"),
    max_length=2000,
    multiline=True,
    help=_("Plain text added below every new message and reply."),
)
ANSWER = choice_pref(
    "mail.answer",
    _("Write a reply"),
    "above",
    choices=[("above", _("above the quoted text")), ("below", _("below the quoted text"))],
    words=_("quote, reply"),
)

ATTACHMENT_REMINDER = bool_pref(
    "mail.attachment_reminder",
    _("Remind me when I mention an attachment and there is none"),
    False,
    words=_("file, forgotten"),
)

UNDO_SEND = int_pref(
    "mail.undo_send",
    _("Seconds in which sending can be undone"),
    10,
    minimum=0,
    maximum=30,
    help=_("A message waits in the Outbox for this long. 0: it is sent at once."),
    words=_("outbox, delay"),
)

COMPOSING = PrefPage(
    id="mail.composing",
    title=_("Writing mail"),
    help=_("How a new message begins, and your name and signature on it."),
    icon="square-pen",
    order=30,
    prefs=(WRITE_IN, FORMAT, ANSWER, UNDO_SEND, ATTACHMENT_REMINDER),
)

#: No preferences stand there: the page is drawn by its own views.
TEMPLATES = PrefPage(
    id="mail.templates",
    title=_("Templates"),
    help=_("Texts that you write often, to begin a message with or to put into one."),
    icon="layout-template",
    order=45,
    url_name="mail:templates",
    prefs=(),
)

#: What these two hold is the first identity's until it is changed (``services.identities``); locked, everyone's.
IDENTITIES = PrefPage(
    id="mail.identities",
    title=_("Identities"),
    help=_("Who you write as: names, addresses and signatures."),
    icon="users",
    order=40,
    url_name="mail:identities",
    prefs=(SENDER_NAME, SIGNATURE),
)

#: Nor here. Not there where the site permits no other accounts.
ACCOUNTS = PrefPage(
    id="mail.accounts",
    title=_("Mail accounts"),
    help=_("Accounts at other mail servers, read and written from here."),
    icon="inbox",
    order=35,
    url_name="mail:accounts",
    visible=lambda: bool(settings.OTHER_ACCOUNTS),
    prefs=(),
)
