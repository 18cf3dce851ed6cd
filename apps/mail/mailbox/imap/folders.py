"""The mailboxes of an account: LIST with counts, and which of them is for what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from apps.mail.mailbox import errors, names, wishes
from apps.mail.mailbox.imap import guard, tokens
from apps.mail.mailbox.imap.commands import Command, Result, Untagged, command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.tokens import octets
from apps.mail.mailbox.sharing import Namespaces
from apps.mail.mailbox.store import ROLES, Mailbox, MailboxStatus
from apps.mail.mailbox.wishes import Asked

MOST_COUNTED = 1000  # mailboxes, where each has to be asked about
PIPELINE = 40  # commands sent before their answers are read: more could fill both sides' buffers

_STATUS = "MESSAGES UNSEEN UIDVALIDITY UIDNEXT"
_ATTRIBUTE_ROLES = {
    "\\drafts": "drafts",
    "\\sent": "sent",
    "\\archive": "archive",
    "\\junk": "junk",
    "\\spam": "junk",
    "\\trash": "trash",
    "\\flagged": "flagged",
    "\\starred": "flagged",
    "\\all": "all",
    "\\allmail": "all",
}
# How mail programs have named these mailboxes, for servers that do not say (RFC 6154).
_USUAL_NAMES = {
    "drafts": "drafts|draft|entwürfe|brouillons|borradores|bozze|rascunhos|concepten|utkast|kladder|luonnokset|"
    "черновики|чернетки|taslaklar|wersje robocze|koncepty|rozepsané|piszkozatok|πρόχειρα|المسودات|مسودات|טיוטות|"
    "下書き|草稿|草稿箱|草稿匣|임시 보관함|임시보관함",
    "sent": "sent|sent items|sent messages|sent mail|sent-mail|gesendet|gesendete objekte|gesendete elemente|"
    "gesendete nachrichten|envoyés|éléments envoyés|messages envoyés|enviados|elementos enviados|"
    "mensajes enviados|itens enviados|inviata|posta inviata|inviati|verzonden|verzonden items|skickat|skickade|"
    "sendt|sendte elementer|lähetetyt|отправленные|надіслані|gönderilmiş|gönderilenler|wysłane|odeslané|odeslaná pošta|"
    "odoslané|elküldött|elküldött elemek|απεσταλμένα|المرسلة|البريد المرسل|رسائل مرسلة|נשלח|דואר יוצא|送信済み|"
    "送信済みアイテム|已发送|已发送邮件|寄件備份|已傳送|보낸 편지함|보낸편지함",
    "archive": "archive|archives|archiv|archivio|archivo|archivados|arquivo|archief|arkiv|arkisto|архив|архів|arşiv|"
    "archiwum|archív|archívum|αρχείο|الأرشيف|أرشيف|ארכיון|アーカイブ|归档|存档|封存|보관함",
    "junk": "junk|junk e-mail|junk email|junk mail|spam|bulk mail|spamverdacht|unerwünscht|indésirables|pourriel|"
    "courrier indésirable|correo no deseado|no deseado|posta indesiderata|indesiderata|lixo eletrônico|"
    "correio não solicitado|ongewenst|ongewenste e-mail|skräppost|søppelpost|uønsket|roskaposti|спам|istenmeyen|"
    "wiadomości-śmieci|nevyžádaná pošta|levélszemét|ανεπιθύμητα|البريد المزعج|بريد مزعج|דואר זבל|迷惑メール|"
    "垃圾邮件|垃圾郵件|스팸|스팸편지함",
    "trash": "trash|deleted|deleted items|deleted messages|bin|papierkorb|gelöscht|gelöschte objekte|"
    "gelöschte elemente|corbeille|éléments supprimés|papelera|elementos eliminados|cestino|posta eliminata|lixo|"
    "lixeira|itens excluídos|prullenbak|verwijderd|verwijderde items|papperskorg|papperskorgen|papirkurv|roskakori|"
    "корзина|удаленные|кошик|çöp|çöp kutusu|silinmiş|kosz|koš|kôš|lomtár|törölt elemek|κάδος|κάδος απορριμμάτων|"
    "المحذوفة|سلة المهملات|المهملات|אשפה|ゴミ箱|削除済みアイテム|已删除|已删除邮件|垃圾桶|刪除的郵件|휴지통|"
    "지운 편지함",
}
_ROLE_BY_NAME = {name: role for role, text in _USUAL_NAMES.items() for name in text.split("|")}


@dataclass(frozen=True, slots=True)
class Look:
    """What else tells how mailboxes are shown: how somebody wants them, and whose they are."""

    wish: Asked = wishes.none
    namespaces: Callable[[], Namespaces] = Namespaces


def mailboxes(connection: Connection, look: Look, *, status: bool, polled: bool = False) -> Sequence[Mailbox]:
    """All mailboxes in display order, with counts unless they are not asked for, or not wanted."""
    with_status = status and connection.has("LIST-EXTENDED") and connection.has("LIST-STATUS")
    if (asked := asking(connection, status=status)) is not None:
        result = connection.execute(asked)
        found = _listed(result)
    else:
        every = (guard.string(""), guard.string("*"))
        result = connection.execute(command("LIST", *every), command("LSUB", *every))
        subscribed = {name for name, _, attributes in _lines(result, b"LSUB") if "\\noselect" not in attributes}
        found = [replace(mailbox, subscribed=mailbox.name in subscribed) for mailbox in _listed(result)]
    found = _as_wanted(_with_roles(_with_kinds(_with_parents(found), look.namespaces())), look.wish)
    found = _in_display_order(found)
    asked_about = [mailbox for mailbox in found if mailbox.polled or not polled]
    counts = _statuses(result) if with_status else _ask_status(connection, asked_about) if status else {}
    return [replace(mailbox, status=counts.get(mailbox.name)) for mailbox in found]


def dressed(found: list[Mailbox], wish: Asked) -> list[Mailbox]:
    """With what they lie in, as somebody wants them, in display order; for mailboxes whose roles are known."""
    return _in_display_order(_as_wanted(_with_parents(found), wish))


def status(connection: Connection, mailbox: str) -> MailboxStatus:
    """Raises ``NoSuchMailbox``."""
    result = connection.attempt(_status_command(connection, mailbox))
    counts = _statuses(result)
    wanted = names.from_wire(names.to_wire(mailbox))
    if not result.completion.ok or wanted not in counts:
        raise result.completion.mailbox_error()
    return counts[wanted]


def _status_items(connection: Connection) -> str:
    return f"({_STATUS} HIGHESTMODSEQ)" if connection.has("CONDSTORE") else f"({_STATUS})"


def _status_command(connection: Connection, mailbox: str) -> Command:
    return command("STATUS", guard.mailbox(mailbox), guard.words(_status_items(connection)))


def asking(connection: Connection, *, status: bool) -> Command | None:
    """The one command of ``mailboxes``; None where the server knows none that says all."""
    if not connection.has("LIST-EXTENDED"):
        return None
    wanted = "SUBSCRIBED CHILDREN"
    if connection.has("SPECIAL-USE"):
        wanted += " SPECIAL-USE"
    if status and connection.has("LIST-STATUS"):
        wanted += f" STATUS {_status_items(connection)}"
    return command("LIST", guard.string(""), guard.string("*"), guard.words(f"RETURN ({wanted})"))


def _lines(result: Result, name: bytes) -> Iterable[tuple[str, str, frozenset[str]]]:
    """(name, delimiter, attributes) of each line."""
    for answer in result.named(name):
        values = tokens.parse(answer.data, answer.literals)
        if len(values) < 3 or not isinstance(values[0], list):
            continue
        attributes = frozenset(octets(item).decode("ascii", "replace").lower() for item in values[0])
        # A name is a string, or an atom that happens to read NIL.
        raw = b"NIL" if values[2] is None else octets(values[2])
        if raw:
            yield names.from_wire(raw), octets(values[1]).decode("ascii", "replace"), attributes


def _listed(result: Result) -> list[Mailbox]:
    found: dict[str, Mailbox] = {}
    for name, delimiter, attributes in _lines(result, b"LIST"):
        name = name.rstrip(delimiter) if delimiter and len(name) > 1 else name
        if not _addressable(name):
            name, attributes = _pictured(name), attributes | {"\\noselect"}
            if name in found or not _addressable(name):
                continue
        found[name] = Mailbox(
            name=name,
            delimiter=delimiter,
            role="inbox" if name == "INBOX" else _role_of(attributes),
            selectable=not attributes & {"\\noselect", "\\nonexistent"},
            subscribed="\\subscribed" in attributes or name == "INBOX",
            attributes=attributes,
        )
    return list(found.values())


def _addressable(name: str) -> bool:
    """Whether we could ask the server for this mailbox at all."""
    try:
        names.to_wire(name)
    except errors.BadArgument:
        return False
    return True


def _pictured(name: str) -> str:
    """A name with control characters, which no command may carry: the folder is there, and cannot be opened."""
    return "".join(
        chr(0x2400 + ord(char)) if char < " " else "\ufffd" if "\x7f" <= char < "\xa0" else char for char in name
    )


def _role_of(attributes: frozenset[str]) -> str:
    return next((role for attribute, role in _ATTRIBUTE_ROLES.items() if attribute in attributes), "")


def _with_parents(found: list[Mailbox]) -> list[Mailbox]:
    """Servers may list "a/b" without "a"; the tree needs it, as a line that cannot be opened."""
    known = {mailbox.name for mailbox in found}
    parents: list[Mailbox] = []
    for mailbox in found:
        at = mailbox.name.find(mailbox.delimiter) if mailbox.delimiter else -1
        while at > 0:
            parent = mailbox.name[:at]
            if parent not in known:
                known.add(parent)
                parents.append(Mailbox(name=parent, delimiter=mailbox.delimiter, selectable=False))
            at = mailbox.name.find(mailbox.delimiter, at + 1)
    return found + parents


def _with_kinds(found: list[Mailbox], namespaces: Namespaces) -> list[Mailbox]:
    """What is not one's own has no role: somebody else's trash is not mine."""
    if not namespaces.others and not namespaces.shared:
        return found
    kinds = [(mailbox, namespaces.kind(mailbox.name)) for mailbox in found]
    return [replace(mailbox, kind=kind, role="") if kind else mailbox for mailbox, kind in kinds]


def _as_wanted(found: list[Mailbox], wish: Asked) -> list[Mailbox]:
    """A role that somebody gives to one mailbox is nobody else's."""
    wanted = wish([mailbox.name for mailbox in found])
    if not wanted:
        return found
    given = {known.role for known in wanted.values()}
    dressed: list[Mailbox] = []
    for mailbox in found:
        known = wanted.get(mailbox.name)
        role = "" if mailbox.role in given and mailbox.role != "inbox" else mailbox.role
        if known is None:
            dressed.append(replace(mailbox, role=role))
            continue
        if known.role and mailbox.name != "INBOX" and mailbox.selectable:
            role = "" if known.role == "none" else known.role
        dressed.append(replace(mailbox, role=role, colour=known.colour, polled=known.polled))
    return dressed


def _with_roles(found: list[Mailbox]) -> list[Mailbox]:
    """One mailbox per role: what the server says, else the usual names at the top or right below INBOX."""
    taken: set[str] = set()
    marked: list[Mailbox] = []
    for mailbox in found:
        role = mailbox.role if mailbox.role not in taken else ""
        taken.add(role)
        marked.append(replace(mailbox, role=role))
    for index, mailbox in sorted(enumerate(marked), key=lambda item: (item[1].depth, item[1].name)):
        top = mailbox.depth == 0 or (mailbox.depth == 1 and mailbox.name.startswith(f"INBOX{mailbox.delimiter}"))
        mine = mailbox.selectable and not mailbox.kind
        role = _ROLE_BY_NAME.get(mailbox.leaf.casefold(), "") if top and mine else ""
        if role and not mailbox.role and role not in taken:
            taken.add(role)
            marked[index] = replace(mailbox, role=role)
    return marked


def _in_display_order(found: list[Mailbox]) -> list[Mailbox]:
    """Depth first; on each level the roles in their order, then by name."""
    ranks = {mailbox.name: ROLES.index(mailbox.role) if mailbox.role else len(ROLES) for mailbox in found}

    def key(mailbox: Mailbox) -> list[tuple[int, str, str]]:
        pieces = mailbox.name.split(mailbox.delimiter) if mailbox.delimiter else [mailbox.name]
        above = [mailbox.delimiter.join(pieces[: index + 1]) for index in range(len(pieces))]
        return [
            (ranks.get(name, len(ROLES)), piece.casefold(), piece) for name, piece in zip(above, pieces, strict=True)
        ]

    return sorted(found, key=key)


def _statuses(result: Result) -> Mapping[str, MailboxStatus]:
    found: dict[str, MailboxStatus] = {}
    for answer in result.named(b"STATUS"):
        read = _status_line(answer)
        if read is not None:
            found[read[0]] = read[1]
    return found


def _status_line(answer: Untagged) -> tuple[str, MailboxStatus] | None:
    values = tokens.parse(answer.data, answer.literals)
    if len(values) < 2 or not isinstance(values[1], list):
        return None
    raw = b"NIL" if values[0] is None else octets(values[0])
    pairs = zip(values[1][::2], values[1][1::2], strict=False)
    numbers = {octets(key).upper(): tokens.number(value) for key, value in pairs}
    return names.from_wire(raw), MailboxStatus(
        uidvalidity=numbers.get(b"UIDVALIDITY", 0),
        messages=numbers.get(b"MESSAGES", 0),
        unseen=numbers.get(b"UNSEEN", 0),
        uidnext=numbers.get(b"UIDNEXT", 0),
        highestmodseq=numbers.get(b"HIGHESTMODSEQ", 0),
    )


def _ask_status(connection: Connection, found: list[Mailbox]) -> Mapping[str, MailboxStatus]:
    """STATUS for each of the first mailboxes, many in one round trip; one that fails has no counts."""
    wanted = [mailbox.name for mailbox in found if mailbox.selectable][:MOST_COUNTED]
    counts: dict[str, MailboxStatus] = {}
    for start in range(0, len(wanted), PIPELINE):
        commands = [_status_command(connection, name) for name in wanted[start : start + PIPELINE]]
        counts |= _statuses(connection.attempt(*commands))
    return counts
