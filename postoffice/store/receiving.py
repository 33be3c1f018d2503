"""The hottest door: a document that is stored already becomes a mailing, in one short transaction of five statements."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from postoffice.model.ids import new_id
from postoffice.model.mailing import Mailing, NewMailing
from postoffice.model.ports import StoredDocument, Work
from postoffice.model.states import EventKind, MailingState
from postoffice.store import batches as batches_of
from postoffice.store import rows
from postoffice.store.prepared import Prepared, insert_of
from postoffice.store.schema import batches, counters, documents, events, mailings
from postoffice.store.upsert import insert_into

#: the kind of work that reading is; see worker.QUEUES
READ_QUEUE = "compose"
SMALL_BYTES = 500_000  #: a document that is read soon, by the queue's first lane


def receive(
    connection: sa.Connection,
    new: NewMailing,
    document: StoredDocument,
    media_type: str,
    content: bytes | None,
    now: datetime,
    carried: dict[str, str],
) -> tuple[Mailing, Work]:
    """A mailing in state received, its document's row, the batch that reads it, and the first line of its timeline.

    `content`: the document's sealed bytes where its row keeps them. `carried`: see model.tracing; another thread does not know it.
    """
    values = fresh(new, next_number(connection, new.organisation_id), now)
    values |= {
        "state": MailingState.RECEIVED.value,
        "original": document.sha256,
        "original_size": document.size,
        "media_type": media_type,
        "received_at": now,
    }
    batch_id = new_id()
    row = {
        "organisation_id": new.organisation_id,
        "sha256": document.sha256,
        "size": document.size,
        "media_type": media_type,
        "created_at": now,
        "content": content,
    }
    _DOCUMENT.run(connection, row)
    _MAILING.run(connection, values)
    queue = batches_of.lane(READ_QUEUE, small=document.size <= SMALL_BYTES)
    _BATCH.run(connection, _reading(batch_id, queue, new.organisation_id, values["id"], now) | {"data": carried})
    _EVENT.run(connection, _received(new, values["id"], now))
    return rows.mailing(values), Work(queue, batch_id, 1)


def next_number(connection: sa.Connection, organisation_id: str) -> int:
    """The next of an organisation's small growing numbers."""
    return int(_NUMBER.run(connection, {"organisation_id": organisation_id}).fetchone()[0])


def _count_up(connection: sa.Connection) -> Any:
    insert = insert_into(connection, counters).values(organisation_id=sa.bindparam("organisation_id"), name="mailing", value=1)
    again = insert.on_conflict_do_update(index_elements=["organisation_id", "name"], set_={"value": counters.c.value + 1})
    return again.returning(counters.c.value)


def _keep_document(connection: sa.Connection) -> Any:
    """The same bytes again change nothing, but that a row without bytes takes them: its file may have gone with an old disk."""
    insert = insert_into(connection, documents)
    bytes_now = sa.func.coalesce(documents.c.content, insert.excluded.content)
    return insert.on_conflict_do_update(index_elements=["organisation_id", "sha256"], set_={"content": bytes_now})


_NUMBER = Prepared(_count_up)
_DOCUMENT = Prepared(_keep_document, [column.name for column in documents.columns])
_MAILING = insert_of(mailings)
_BATCH = insert_of(batches)
_EVENT = insert_of(events)


def fresh(new: NewMailing, number: int, now: datetime) -> dict[str, Any]:
    """All columns of a mailing in state receiving."""
    return {
        "id": new_id(),
        "organisation_id": new.organisation_id,
        "number": number,
        "source": new.source.value,
        "name": new.name[:1023],
        "state": MailingState.RECEIVING.value,
        "layout": new.layout,
        "split_rule": new.split_rule,
        "options": new.options.as_dict(),
        "automatic": new.automatic,
        "live": new.live,
        "printer_id": new.printer_id,
        "user_id": new.user_id,
        "api_key_id": new.api_key_id,
        "document": None,
        "original": None,
        "original_size": 0,
        "media_type": new.media_type,
        "pages": 0,
        "pages_read": 0,
        "items": 0,
        "findings": [],
        "error": None,
        "sender_name": new.sender_name[:255],
        "fields": None,
        "kept": None,
        "cuts": None,
        "fixes": None,
        "created_at": now,
        "received_at": None,
        "ready_at": None,
        "sent_at": None,
        "finished_at": None,
    }


def _reading(batch_id: str, queue: str, organisation_id: str, mailing_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": batch_id,
        "organisation_id": organisation_id,
        "step": "read",
        "subject_id": mailing_id,
        "queue": queue,
        "priority": 3,
        "data": {},
        "state": "open",
        "token": 0,
        "failures": 0,
        "rings": 1,
        "rung_at": now,
        "not_before": None,
        "error": "",
        "created_at": now,
    }


def _received(new: NewMailing, mailing_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organisation_id": new.organisation_id,
        "mailing_id": mailing_id,
        "kind": EventKind.RECEIVED.value,
        "source": new.source.value,
        "actor_id": new.user_id,
        "at": now,
        "recorded_at": now,
        "code": "",
        "text": "",
        "detail": {},
    }
