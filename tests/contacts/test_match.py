"""The same person at the same place gives the same text; another one does not."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from postoffice.contacts.match import match_text, plain
from postoffice.model.address import PostalAddress
from postoffice.model.item import Item
from postoffice.model.states import ItemState


def item(*lines: str, email: str = "", mobile: str = "", fax: str = "") -> Item:
    address = PostalAddress(lines) if lines else None
    now = datetime(2026, 11, 23, tzinfo=UTC)
    return Item(
        "i",
        "o",
        "m",
        1,
        1,
        1,
        ItemState.DRAFT,
        "",
        address,
        address,
        email,
        mobile,
        fax,
        "",
        None,
        (),
        None,
        None,
        (),
        0,
        None,
        0,
        None,
        now,
    )


@pytest.mark.parametrize(
    "other",
    [
        ("MME ANNE LEFEVRE", "12 RUE DE L EGLISE", "75011 PARIS"),
        ("Mme  Anne Lefèvre", "12, rue de l'Église", "75011 Paris"),
        ("Mme Anne Lefe\u0300vre", "12 rue de l\u2019E\u0301glise", "75011  PARIS"),
    ],
)
def test_the_same_however_it_is_printed(other: tuple[str, ...]) -> None:
    assert match_text(item("Mme Anne Lefèvre", "12 rue de l'Église", "75011 PARIS")) == match_text(item(*other))


def test_others_are_others() -> None:
    texts = {
        match_text(item("Mme Anne Lefèvre", "12 rue X", "75011 PARIS")),
        match_text(item("Mme Anne Lefèvre", "1", "2 rue X", "75011 PARIS")),
        match_text(item("M. Jean Lefèvre", "12 rue X", "75011 PARIS")),
        match_text(item(email="a@b.fr")),
        match_text(item(mobile="+33639980000")),
        match_text(item(fax="+33639980000")),
    }
    assert len(texts) == 6
    assert match_text(item(email=" A@B.fr ")) == match_text(item(email="a@b.fr"))
    assert match_text(item("X", "Y", email="a@b.fr")) == match_text(item("X", "Y"))


def test_nobody() -> None:
    assert match_text(item()) == "" and match_text(replace(item(), address=PostalAddress(()))) == ""
    assert plain("Straße & Söhne, 3 œufs") == "strassesohne3œufs"
