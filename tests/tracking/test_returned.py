"""Reasons, typed codes, postcodes and matching: what of returned mail can be judged without a picture; some pictures, too."""

import pytest

from postoffice.model.address import PostalAddress
from postoffice.model.ids import new_id, to_bytes
from postoffice.model.returned import Reason
from postoffice.pdf import datamatrix
from postoffice.tracking.returned.matching import SURE, ranked, score
from postoffice.tracking.returned.recognition import code_of, codes, likely_postcodes, look, opened, postcodes, typed_id
from postoffice.tracking.returned.rules import EFFECTS, effect_of, reason_of
from tests.papers.envelopes import addresses, blank, envelopes


@pytest.mark.parametrize(
    ("code", "text", "dead", "reason"),
    [
        ("N02", "", False, Reason.UNKNOWN),
        ("N03", "", False, Reason.UNCLAIMED),
        ("N05", "", False, Reason.REFUSED),
        ("N07", "", False, Reason.ADDRESS),
        ("N10", "Pli non distribuable (PND)", False, Reason.OTHER),
        ("npai", "", False, Reason.UNKNOWN),
        ("LP20", "Retour à l'expéditeur", False, Reason.ADDRESS),
        ("LP22", "", False, Reason.REFUSED),
        ("", "Recipient has moved", False, Reason.UNKNOWN),
        ("webhook_undeliverable", "Destinataire décédé", False, Reason.DECEASED),
        ("not claimed", "", False, Reason.UNCLAIMED),
        ("returned_to_sender", "", True, Reason.UNKNOWN),
        ("returned_to_sender", "", False, Reason.OTHER),
    ],
)
def test_houses_words_become_one_vocabulary(code: str, text: str, dead: bool, reason: Reason) -> None:
    assert reason_of(code, text, dead=dead) is reason


def test_every_reason_has_its_effect_and_doubts_add_up() -> None:
    assert set(EFFECTS) == set(Reason)
    assert not effect_of(Reason.OTHER, "good").block
    assert effect_of(Reason.OTHER, "doubtful") == EFFECTS[Reason.UNKNOWN]
    assert not effect_of(Reason.REFUSED, "dead").block


def test_scanners_type_codes_in_several_ways() -> None:
    key = new_id()
    code = datamatrix.encode(code_of(key))
    for typed in (code.hex(), code.hex().upper() + " ", to_bytes(key).hex(), key, key.upper()):
        assert typed_id(typed) == key
    damaged = bytes([*code[:-1], code[-1] ^ 1])
    for other in ("", "Dupont 75011", damaged.hex(), "€" * 24, "12" * 24):
        assert typed_id(other) is None


def test_postcodes_as_they_are_read() -> None:
    assert postcodes(["M. Paul Lefèvre", "54 avenue du Port", "§6100 LORIENT"]) == ["56100"]
    assert postcodes(["56l00", "Tel 0123456789", "L'an 2026 fut"]) == ["56100"]
    assert "31000" in likely_postcodes(["81000 TOULOUSE"])


def test_the_likeliest_address_comes_first_and_neighbours_behind() -> None:
    mine = PostalAddress(("Mme Zoé LEFÈVRE", "12 rue des Lilas", "75011 PARIS"), "75011")
    neighbour = PostalAddress(("M. Jean DUPONT", "12 rue des Lilas", "75011 PARIS"), "75011")
    far = PostalAddress(("M. Hugo ROUX", "3 quai d'Orsay", "69003 LYON"), "69003")
    read = ["RETOUR A L'ENVOYEUR", "Mrne Zoe LEFEVRE", "12 rue des Li1as", "75011 PAR1S"]
    assert [key for key, _ in ranked(read, [("far", far), ("near", neighbour), ("mine", mine)])][0] == "mine"
    assert score(read, mine) >= SURE > score(read, neighbour) > score(read, far)
    assert score([], mine) == score(read, PostalAddress(())) == 0


@pytest.mark.slow
def test_worn_envelopes_tell_whose_they_are_and_blank_ones_nothing() -> None:
    some = [(to_bytes(key), key, address) for key, address in ((new_id(), address) for address in addresses(12))]
    made = [one for one in envelopes(some) if one.kind != "bare"]
    assert [codes(opened(one.jpeg())) for one in made] == [[one.delivery_id] for one in made]
    assert look(blank()).blank and look(blank()).ids == ()
