"""What privacy.ledger.standing says of one contact, as a condition on all of them. Expressions, no queries.

A consent stands where a line that gives it has no withdrawal behind it and counts itself: nothing was withdrawn before it either, or
it is no import and, after a complaint, the person's own word. A test lays both ways beside each other.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from postoffice.model.consent import ALL, OWN_WORD, Means
from postoffice.store.schema import consents, contacts

Condition = sa.ColumnElement[bool]
Owner = Callable[[Any], Condition]  #: "this column names the contact"


def standing(purpose: str, channel: str, owner: Owner) -> Condition:
    """Given, and not withdrawn since."""
    given, later, complaint, before = (consents.alias(name) for name in ("given", "later", "complaint", "before"))

    def about(table: Any) -> tuple[Condition, ...]:
        return owner(table.c.contact_id), *_covers(table.c, purpose, channel)

    after = sa.or_(later.c.at > given.c.at, sa.and_(later.c.at == given.c.at, later.c.id > given.c.id))
    undone = sa.exists().where(*about(later), sa.not_(later.c.given), after).correlate(contacts, given)
    refused = sa.exists().where(*about(before), sa.not_(before.c.given)).correlate(contacts, given)
    complained = sa.exists().where(*about(complaint), sa.not_(complaint.c.given), complaint.c.means == Means.COMPLAINT.value)
    complained = complained.correlate(contacts, given)  # a look within a look names what it hangs on
    own_word = given.c.means.in_(sorted(one.value for one in OWN_WORD))
    counts = sa.or_(sa.not_(refused), sa.and_(given.c.means != Means.IMPORT.value, sa.or_(own_word, sa.not_(complained))))
    return sa.exists().where(*about(given), given.c.given, sa.not_(undone), counts)


def withdrawn(purpose: str, channel: str, owner: Owner) -> Condition:
    """Withdrawn, and not given again since."""
    line = consents.alias("line")
    refused = sa.exists().where(owner(line.c.contact_id), *_covers(line.c, purpose, channel), sa.not_(line.c.given))
    return sa.and_(refused, sa.not_(standing(purpose, channel, owner)))


def never(purpose: str, channel: str, owner: Owner) -> Condition:
    """Nobody ever said anything."""
    line = consents.alias("line")
    return sa.not_(sa.exists().where(owner(line.c.contact_id), *_covers(line.c, purpose, channel)))


def _covers(line: Any, purpose: str, channel: str) -> tuple[Condition, ...]:
    return line.purpose.in_([purpose, ALL]), line.channel.in_([channel, ALL])
