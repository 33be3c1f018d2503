"""The signed return path: what is made can be read, whatever mail servers do to its case; nothing else can."""

import pytest

from postoffice.model import return_path
from postoffice.model.ids import new_id

KEY = b"k" * 32


def local(address: str) -> str:
    return address.rpartition("@")[0]


def test_what_is_made_can_be_read_in_any_case() -> None:
    delivery = new_id()
    address = return_path.make(KEY, delivery, "bounce.company.example")

    assert address.endswith("@bounce.company.example")
    assert len(local(address)) < 64
    assert return_path.read(KEY, local(address)) == delivery
    assert return_path.read(KEY, local(address).upper()) == delivery
    assert address == return_path.make(KEY, delivery, "bounce.company.example")


def test_each_delivery_has_its_own_seal() -> None:
    one, other = new_id(), new_id()
    seal = local(return_path.make(KEY, one, "x.example")).partition(".")[2]

    assert return_path.read(KEY, f"b+{other}.{seal}") is None
    assert return_path.read(b"another key of this house", f"b+{one}.{seal}") is None


@pytest.mark.parametrize("text", ["", "b+", "post", "b+.", "b+short.abc", "b+é.abc", "bounce", "b+" + "0" * 26, "b+" + "0" * 26 + "."])
def test_what_is_not_ours_is_told_apart(text: str) -> None:
    assert return_path.read(KEY, text) is None


def test_nobody_seals_what_is_no_id() -> None:
    with pytest.raises(ValueError, match="26"):
        return_path.make(KEY, "me@x\r\nRCPT TO:", "x.example")
