"""From the TOML files to letters with a time, a place and everything that depends on the date of the first run."""

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_date, format_skeleton

from demo.accounts import ACCOUNTS, DOMAIN
from demo.content.people import HERE, PEOPLE, Person

_VARIABLE = re.compile(r"\{(\w+)([+-]\d+)?\}")
ARCHIVE_AFTER = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one account has its copy; `flags` are IMAP flags separated by spaces."""

    account: str
    mailbox: str
    flags: str


@dataclass(frozen=True, slots=True)
class Letter:
    """`attach` holds "kind:title"; `html` names a file in html/; `quoted` is the letter that this one answers."""

    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    when: datetime
    subject: str
    text: str
    message_id: str
    lang: str = "en"
    style: str = "plain"
    charset: str = "utf-8"
    cte: str = ""
    html: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    attach: tuple[str, ...] = ()
    quoted: "Letter | None" = None
    mailing_list: str = ""
    places: tuple[Place, ...] = ()


def working_day(when: datetime) -> datetime:
    """Friday for what would fall on a weekend."""
    return when - timedelta(days=max(0, when.weekday() - 4))


def expand(template: str, *, when: datetime, lang: str, values: Mapping[str, str]) -> str:
    """Fill in `{year}`, `{year+1}`, `{month}`, `{day+7}` (from the letter's date) and the item's own values."""

    def value(match: re.Match[str]) -> str:
        name, step = match[1], int(match[2] or 0)
        if name == "year":
            return str(when.year + step)
        if name == "month":
            return str(format_date(when, "LLLL", locale=lang))
        if name == "day":
            return str(format_skeleton("MMMMd", when + timedelta(days=step), locale={"en": "en_GB"}.get(lang, lang)))
        if name in values:
            return expand(values[name], when=when, lang=lang, values={})
        return "" if name == "space" else match[0]

    return _VARIABLE.sub(value, template)


def moment(at: str, *, now: datetime, person: Person) -> datetime:
    """ "190m" is that long ago; "6 10:20" is the clock time of the writer six days ago, never in the future."""
    local = now.astimezone(person.zone).replace(microsecond=0)
    if at.endswith("m"):
        return local - timedelta(minutes=int(at[:-1]))
    days, _, clock = at.partition(" ")
    hour, minute = map(int, clock.split(":"))
    result = local.replace(hour=hour, minute=minute, second=17) - timedelta(days=int(days))
    return result if result < now else result - timedelta(days=1)


def _message_id(*parts: object) -> str:
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:20]
    return f"<{digest}@{DOMAIN}>"


def _people(keys: str) -> tuple[Person, ...]:
    return tuple(PEOPLE[key] for key in keys.split())


def _flags(account: str, words: str, *, answered: bool) -> str:
    told = {word.partition(":")[2] for word in words.split() if word.startswith(f"{account}:")}
    told |= {word for word in words.split() if ":" not in word}
    flags = [] if "unread" in told else ["\\Seen"]
    if answered or "answered" in told:
        flags.append("\\Answered")
    if "flagged" in told:
        flags.append("\\Flagged")
    return " ".join(flags)


def _places(
    letter: Letter, *, folders: Mapping[str, str], words: str, answerers: Iterable[str], now: datetime
) -> tuple[Place, ...]:
    """The sender's copy in Sent, one copy per account among the recipients; old mail is archived."""
    places = [Place(letter.sender.key, "Sent", "\\Seen")] if letter.sender.key in ACCOUNTS else []
    for person in letter.to + letter.cc:
        if person.key in ACCOUNTS and person.key != letter.sender.key:
            old = now - letter.when > ARCHIVE_AFTER and person.key == "alice" and "unread" not in words
            folder = folders.get(person.key, "Archive" if old else "INBOX")
            places.append(Place(person.key, folder, _flags(person.key, words, answered=person.key in answerers)))
    return tuple(places)


def _recipients(row: Mapping[str, Any], before: Letter | None, sender: Person) -> tuple[tuple[Person, ...], ...]:
    """As written, or everybody in the conversation: the last writer in To, the others in Cc."""
    if before is None or "to" in row:
        return _people(row["to"]), _people(row.get("cc", ""))
    if before.sender == sender:
        return before.to, before.cc
    others = tuple(person for person in before.to + before.cc if person != sender)
    return (before.sender,), others


def _thread(thread: Mapping[str, Any], name: str, now: datetime) -> Iterator[Letter]:
    letters: list[Letter] = []
    for number, row in enumerate(thread["mail"]):
        before = letters[-1] if letters else None
        sender = PEOPLE[row["from"]]
        when = moment(row["at"], now=now, person=sender)
        if not thread.get("weekend") and not row["at"].endswith("m"):
            when = working_day(when)
        if before and when <= before.when:
            when = (before.when + timedelta(minutes=11)).astimezone(sender.zone)
        lang = row.get("lang", thread.get("lang", "en"))
        first = expand(thread["subject"], when=when, lang=thread.get("lang", "en"), values={})
        to, cc = _recipients(row, before, sender)
        letters.append(
            Letter(
                sender=sender,
                to=to,
                cc=cc,
                when=when,
                subject=f"Re: {first}" if before else first,
                text=expand(row["text"].strip() + "\n", when=when, lang=lang, values={}),
                message_id=_message_id(name, number),
                lang=lang,
                style=row.get("style", "plain"),
                charset=row.get("charset", "utf-8"),
                cte=row.get("cte", ""),
                attach=tuple(row.get("attach", ())),
                quoted=before,
            )
        )
    for number, (letter, row) in enumerate(zip(letters, thread["mail"], strict=True)):
        answerers = {letters[number + 1].sender.key} if number + 1 < len(letters) else set()
        places = _places(
            letter, folders=thread.get("place", {}), words=row.get("flags", ""), answerers=answerers, now=now
        )
        yield replace(letter, places=places)


def _series(series: Mapping[str, Any], name: str, now: datetime) -> Iterator[Letter]:
    """One letter per item, oldest first, so that an item "Re: X" answers the latest letter with the subject X."""
    by_subject: dict[str, Letter] = {}
    for number, item in reversed(list(enumerate(series["items"]))):
        sender = PEOPLE[item.get("by", series["from"])]
        jitter = int(hashlib.sha256(f"{name}{number}".encode()).hexdigest(), 16) % 47 if series["every"] > 2 else 0
        newest = moment(series["at"], now=now, person=sender)
        when = newest - timedelta(days=series["every"] * number, minutes=jitter if number else 0)
        lang = series.get("lang", "en")
        values = {key: str(value) for key, value in item.items() if isinstance(value, str)}
        values["n"] = str(series.get("number", 1) - number)
        subject = expand(series["subject"], when=when, lang=lang, values=values)
        mailing_list = series.get("list", "")
        letter = Letter(
            sender=sender,
            to=_people(series["to"]),
            cc=(),
            when=when,
            subject=subject,
            text=expand(series["text"].strip() + "\n", when=when, lang=lang, values=values),
            message_id=_message_id(name, number),
            lang=lang,
            style=series.get("style", "plain"),
            html=series.get("html", ""),
            values={**values, "subject": subject},
            headers=series.get("headers", {}),
            attach=tuple(
                expand(one, when=when, lang=lang, values=values)
                for one in (*series.get("attach", ()), *item.get("attach", ()))
            ),
            quoted=by_subject.get(subject.removeprefix("Re: ")) if subject.startswith("Re: ") else None,
            mailing_list=mailing_list,
        )
        by_subject[subject.removeprefix("Re: ")] = letter
        words = "unread" if number == 0 and now - when < timedelta(days=5) else ""
        yield replace(
            letter, places=_places(letter, folders=series.get("place", {}), words=words, answerers=(), now=now)
        )


def letters(now: datetime) -> list[Letter]:
    """Everything that the TOML files say, oldest first."""
    found: list[Letter] = []
    for path in sorted((HERE / "letters").glob("*.toml")):
        for number, thread in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["thread"]):
            found.extend(_thread(thread, f"{path.stem}-{number}", now))
    for number, series in enumerate(tomllib.loads((HERE / "series.toml").read_text(encoding="utf-8"))["series"]):
        found.extend(_series(series, f"series-{number}", now))
    return sorted(found, key=lambda letter: letter.when)
