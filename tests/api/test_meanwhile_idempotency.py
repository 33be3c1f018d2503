"""A commit whose answer never came: the mailing stands there, its sender hears of a failure and repeats the request."""

import pytest

from postoffice.model.mailing import Mailing
from postoffice.model.ports import StoredDocument, Work
from postoffice.model.states import MailingState
from postoffice.store.book import MailingBook
from tests.api.sending import post
from tests.api.test_idempotency import _all
from tests.doors import Office, letters


class BreaksAfterwards(MailingBook):
    """The line to the database breaks right after it was told to commit: once."""

    broken = False

    async def store_mailing(self, mailing_id: str, document: StoredDocument, media_type: str) -> tuple[Mailing, Work]:
        """See Book."""
        stored = await super().store_mailing(mailing_id, document, media_type)
        if not self.broken:
            self.broken = True
            raise ConnectionResetError
        return stored


@pytest.mark.slow
async def test_a_mailing_that_was_stored_is_not_made_again(office_on_both: Office) -> None:
    office, key = office_on_both, await office_on_both.key()
    reception = office.house.reception
    reception.book = BreaksAfterwards(office.house.database, office.clock)
    assert (await post(office, key, letters(1), Idempotency_Key="one")).status == 503
    again = await post(office, key, letters(1), Idempotency_Key="one")
    assert again.status == 201 and again.headers["Idempotent-Replayed"] == "true"
    assert await _all(office) == [MailingState.RECEIVED]
