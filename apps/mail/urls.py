"""Addresses of mail, below /mail/. The namespace "mail" comes from the registry.

``<mailbox>/`` and ``<mailbox>/<uid>/`` are what people keep and send to each other. The first segment ``@`` is
reserved for what belongs to no mailbox: no mailbox's segment begins like that.
"""

from __future__ import annotations

from django.urls import path, register_converter

from apps.mail.converters import MailboxConverter, SectionConverter, UidConverter
from apps.mail.views import (
    actions,
    compose,
    content,
    folders,
    identities,
    images,
    jump,
    labels,
    list,
    manage_folders,
    message,
    news,
    outbox,
    redirect,
    searches,
)

register_converter(MailboxConverter, "mailbox")
register_converter(UidConverter, "uid")
register_converter(SectionConverter, "section")

urlpatterns = [
    path("", list.index, name="index"),
    path("@/folders/", folders.tree, name="folders"),
    path("@/folders/manage/", manage_folders.manage, name="manage_folders"),
    path("@/folders/menu/", manage_folders.menu, name="folder_menu"),
    path("@/folders/new/", manage_folders.new, name="new_folder"),
    path("@/folders/edit/", manage_folders.edit, name="edit_folder"),
    path("@/folders/act/", manage_folders.act, name="act_on_folder"),
    path("@/folders/undo/", manage_folders.undo, name="undo_folder"),
    path("@/undo/", actions.undo, name="undo"),
    path("@/found/act/", actions.act_found, name="act_found"),
    path("@/work/", actions.go_on, name="go_on"),
    path("@/searches/", searches.searches, name="searches"),
    path("@/searches/<int:pk>/", searches.search, name="search"),
    path("@/labels/", labels.index, name="labels"),
    path("@/labels/act/", labels.act, name="act_on_label"),
    path("@/outbox/", outbox.index, name="outbox"),
    path("@/outbox/watch/", outbox.watch, name="outbox_watch"),
    path("@/outbox/<int:pk>/", outbox.act, name="outbox_act"),
    path("@/compose/", compose.compose, name="compose"),
    path("@/recipients/", compose.recipients, name="recipients"),
    path("@/limit/", compose.limit, name="limit"),
    path("@/uploads/", compose.uploads, name="uploads"),
    path("@/uploads/<str:upload_id>/", content.upload, name="upload"),
    path("@/editor/", compose.editor, name="editor"),
    path("@/identities/", identities.index, name="identities"),
    path("@/identities/new/", identities.new, name="identities_new"),
    path("@/identities/<int:id>/", identities.edit, name="identities_edit"),
    path("@/image/", images.image, name="image"),
    path("<mailbox:mailbox>/", list.mailbox, name="mailbox"),
    path("<mailbox:mailbox>/sort/", list.sort, name="sort"),
    path("<mailbox:mailbox>/day/", jump.to_day, name="day"),
    path("<mailbox:mailbox>/narrow/", jump.narrow, name="narrow"),
    path("<mailbox:mailbox>/news/", news.news, name="news"),
    path("<mailbox:mailbox>/act/", actions.act, name="act"),
    path("<mailbox:mailbox>/<uid:uid>/", message.message, name="message"),
    path("<mailbox:mailbox>/<uid:uid>/reply/", compose.reply, name="reply"),
    path("<mailbox:mailbox>/<uid:uid>/reply-all/", compose.reply_all, name="reply_all"),
    path("<mailbox:mailbox>/<uid:uid>/forward/", compose.forward, name="forward"),
    path("<mailbox:mailbox>/<uid:uid>/forward-attached/", compose.forward_attached, name="forward_attached"),
    path("<mailbox:mailbox>/<uid:uid>/edit-as-new/", compose.as_new, name="as_new"),
    path("<mailbox:mailbox>/<uid:uid>/redirect/", redirect.redirect, name="redirect"),
    path("<mailbox:mailbox>/<uid:uid>/edit/", compose.edit, name="edit"),
    path("<mailbox:mailbox>/<uid:uid>/body/<section:number>/", content.body, name="body"),
    path("<mailbox:mailbox>/<uid:uid>/part/<section:number>/", content.part, name="part"),
    path("<mailbox:mailbox>/<uid:uid>/part/<section:number>/take/", content.take, name="take"),
    path("<mailbox:mailbox>/<uid:uid>/attachments.zip", content.archive, name="archive"),
    path("<mailbox:mailbox>/<uid:uid>/headers/", content.headers, name="headers"),
    path("<mailbox:mailbox>/<uid:uid>/source/", content.message_source, name="source"),
    path("<mailbox:mailbox>/<uid:uid>/message.eml", content.eml, name="eml"),
    path("<mailbox:mailbox>/<uid:uid>/print/", content.printed, name="print"),
]
