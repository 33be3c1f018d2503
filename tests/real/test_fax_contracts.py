"""Telnyx fax by its own API description: Prism takes what we send, and refuses what breaks the contract."""

from collections.abc import Iterator

import pytest

from postoffice.channels.fax.telnyx import Account, TelnyxFaxCarrier
from postoffice.channels.rest import Site
from postoffice.model.channel import Channel
from postoffice.model.delivery import Pages, Piece, Receipt
from postoffice.model.errors import InDoubt, Refused, TryLater
from tests.channels.fakes import ListLog, make_piece
from tests.channels.fax.test_hylafax import letter
from tests.real.npm import Missing
from tests.real.prism import prism
from tests.real.test_sms_contracts import status_of

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    try:
        with prism("telnyx-sms-fax.json") as running:
            yield running
    except Missing as missing:
        pytest.skip(str(missing))


def carrier_of(url: str, key: str = "KEY", prefer: str = "", **account) -> TelnyxFaxCarrier:
    headers = ({"Authorization": f"Bearer {key}"} if key else {}) | ({"Prefer": prefer} if prefer else {})
    made = Account(**{"connection": "234423", "sender": "+33199000001"} | account)
    return TelnyxFaxCarrier("telnyx", made, Site(url, headers), ListLog())


def fax() -> Piece:
    return make_piece(Channel.FAX, pages=Pages("0" * 64, 1, 2, letter))


@pytest.mark.parametrize("fine", [True, False])
async def test_telnyx_takes_what_we_send(url: str, fine: bool) -> None:
    carrier = carrier_of(url, fine=fine)
    receipt = await carrier.send(fax())
    assert len(receipt.reference) == 36
    events = await carrier.ask([Receipt("k", receipt.reference)])
    assert [event.key for event in events] == ["k"]
    await carrier.close()


def test_the_judge_refuses_what_breaks_telnyxs_contract(url: str) -> None:
    def body(**fields: str) -> bytes:
        parts = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        return "".join([*parts, "--B--\r\n"]).encode()

    signed = {"Content-Type": "multipart/form-data; boundary=B", "Authorization": "Bearer KEY"}
    right = {"connection_id": "1", "from": "+33199000001", "to": "+33199000042", "contents": "x", "quality": "high"}
    assert status_of(f"{url}/faxes", body(**right), signed) == 202
    for name in ("to", "from", "connection_id"):
        assert status_of(f"{url}/faxes", body(**{key: value for key, value in right.items() if key != name}), signed) == 422
    assert status_of(f"{url}/faxes", body(**right | {"quality": "splendid"}), signed) == 422
    assert status_of(f"{url}/faxes", body(**right), {"Content-Type": signed["Content-Type"]}) == 401


async def test_without_a_key_the_fax_waits_for_a_person(url: str) -> None:
    carrier = carrier_of(url, key="")
    with pytest.raises(TryLater) as caught:
        await carrier.send(fax())
    assert caught.value.after is not None
    await carrier.close()


async def test_a_refusal_shows_through_the_carrier(url: str) -> None:
    carrier = carrier_of(url, prefer="code=422")
    with pytest.raises(Refused):
        await carrier.send(fax())
    await carrier.close()


async def test_a_broken_contract_is_never_a_yes(url: str) -> None:
    carrier = carrier_of(f"{url}/nowhere")
    with pytest.raises((TryLater, Refused, InDoubt)):
        await carrier.send(fax())
    await carrier.close()
