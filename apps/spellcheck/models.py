from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.spellcheck.engines import words
from apps.spellcheck.engines.words import LONGEST


class Entry(models.Model):
    """A word that is right. One in small letters is right with a capital, too."""

    word = models.CharField(_("word"), max_length=LONGEST)
    key = models.CharField(max_length=64, editable=False)  # of the case-folded word: the same on every database
    added = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.word

    def allows(self, word: str) -> bool:
        return self.word in (word, word.lower()) or self.word.upper() == word


class Word(Entry):
    """Of somebody's own dictionary."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("word of a personal dictionary")
        verbose_name_plural = _("words of personal dictionaries")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="spellcheck_word_once")]


class SiteWord(Entry):
    """Of the site: names of products, departments, places."""

    key = models.CharField(max_length=64, editable=False, unique=True)

    class Meta:
        verbose_name = _("word of the site’s dictionary")
        verbose_name_plural = _("words of the site’s dictionary")

    def save(self, *args: object, **kwargs: object) -> None:
        self.word = words.plain(self.word.strip())
        self.key = key_of(self.word)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


def key_of(word: str) -> str:
    return hashlib.sha256(words.plain(word).casefold().encode("utf-8", "replace")).hexdigest()
