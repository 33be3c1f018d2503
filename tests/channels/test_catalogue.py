"""The catalogue: every kind can be built from its settings, and says which setting is wrong without showing its value."""

from typing import Any

import asyncssh
import pytest

from postoffice.channels.catalogue import CATALOGUE, KINDS, build, kinds_of
from postoffice.channels.email.sign import make_key
from postoffice.channels.kind import BadSetting
from postoffice.model.channel import Channel
from tests.channels.fakes import ListLog, MemoryBox

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
#: the least that each kind needs
LEAST: dict[str, dict[str, Any]] = {
    **{f"sandbox-{channel.value}": {} for channel in Channel},
    "smtp": {"host": "relay.example"},
    "smpp": {"host": "gateway.example", "username": "u", "password": "p"},
    "twilio-sms": {"account": "AC" + "0" * 32, "token": "t"},
    "telnyx-sms": {"api_key": "k"},
    "hylafax": {"host": "fax.example"},
    "telnyx-fax": {"api_key": "k", "connection": "1", "sender": "+33199000001"},
    "maileva": {"client_id": "c", "client_secret": "s", "username": "u", "password": "p"},
    "lob": {"api_key": "k", "sender": "ACME INC\n185 BERRY ST\nSAN FRANCISCO CA 94107"},
    "pingen": {"client_id": "c", "client_secret": "s", "organisation": "o"},
    "sftp": {"host": "house.example", "username": "u", "password": "p", "host_key": HOST_KEY},
}


def made(kind: str, **settings: Any):
    return build(kind, "name", {**LEAST[kind], **settings}, box=MemoryBox(), log=ListLog())


def test_every_kind_stands_in_this_test() -> None:
    assert set(LEAST) == set(CATALOGUE)
    assert len(CATALOGUE) == len(KINDS)


@pytest.mark.parametrize("word", LEAST)
async def test_the_least_settings_are_enough(word: str) -> None:
    carrier = made(word)
    assert carrier.name == "name"
    assert carrier.abilities.channel is CATALOGUE[word].channel
    assert carrier.abilities.chunk <= carrier.abilities.batch
    await carrier.close()


@pytest.mark.parametrize("channel", list(Channel))
def test_every_channel_has_a_sandbox_first(channel: Channel) -> None:
    assert kinds_of(channel)[0].word == f"sandbox-{channel.value}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_fields_can_be_shown_in_both_languages(kind) -> None:
    assert all(kind.label)
    for field in kind.fields:
        assert all(field.label)
        assert bool(field.hint.en) == bool(field.hint.fr)
        if field.choices:
            assert field.default in field.choices
    assert len({field.name for field in kind.fields}) == len(kind.fields)
    assert {field.name for field in kind.fields if field.secret} >= {"password"} & {field.name for field in kind.fields}


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        ("smtp", {"host": ""}, "host"),
        ("smtp", {"prot": "25"}, "prot"),
        ("smtp", {"port": "many-secret"}, "port"),
        ("smtp", {"port": -1}, "port"),
        ("smtp", {"security": "ssl-secret"}, "security"),
        ("smtp", {"host": "a\nb-secret"}, "host"),
        ("smtp", {"security": "none", "username": "u", "password": "p-secret"}, "security"),
        ("smtp", {"sender": "no address-secret"}, "sender"),
        ("smtp", {"return_path": "b+{key}"}, "return_path"),
        ("smtp", {"dkim_key": "x-secret", "dkim_domain": "a.example", "dkim_selector": "s"}, "dkim_key"),
        ("smtp", {"dkim_key": make_key(), "dkim_selector": "s"}, "dkim_domain"),
        ("smtp", {"ca": "x-secret"}, "ca"),
        ("sftp", {"host_key": ""}, "host_key"),
        ("sftp", {"host_key": "ssh-rsa nonsense-secret"}, "host_key"),
        ("sftp", {"password": ""}, "private_key"),
        ("sftp", {"private_key": "x-secret"}, "private_key"),
        ("sftp", {"any_host_key": "perhaps-secret"}, "any_host_key"),
        ("smpp", {"password": "longer-than-8-secret"}, "password"),
        ("smpp", {"ca": "x-secret"}, "ca"),
        ("smpp", {"long": "cut-secret"}, "long"),
        ("twilio-sms", {"account": "x-secret"}, "account"),
        ("twilio-sms", {"url": "http://api.example/-secret"}, "url"),
        ("twilio-sms", {"callback": "http://post.example/-secret"}, "callback"),
        ("telnyx-sms", {"public_key": "x-secret"}, "public_key"),
        ("telnyx-sms", {"api_key": "é-secret"}, "api_key"),
        ("telnyx-sms", {"url": "ftp://api.example/-secret"}, "url"),
        ("sandbox-sms", {"pace": "nan"}, "pace"),
        ("maileva", {"url": "http://api.example/-secret"}, "url"),
        ("maileva", {"callback": "https://post.example/", "hook_password": ""}, "hook_password"),
        ("maileva", {"sender_address": "ACME-secret\n1 rue X\nPARIS-secret"}, "sender_address"),
        ("maileva", {"sender_address": "ACME-secret\n75008 PARIS", "undelivered": True}, "sender_address"),
        ("maileva", {"archive_years": "2-secret"}, "archive_years"),
        ("pingen", {"auth_url": "http://api.example/-secret"}, "auth_url"),
        ("pingen", {"position": "middle-secret"}, "position"),
        ("lob", {"url": "http://api.example/-secret"}, "url"),
        ("lob", {"api_key": "k:-secret"}, "api_key"),
        ("lob", {"sender": "Mairie-secret\n1 place\n59390 Lys"}, "sender"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(kind: str, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadSetting) as caught:
        made(kind, **settings)
    assert caught.value.facts["field"] == field
    assert f"'{field}'" in caught.value.message
    assert caught.value.help
    assert "-secret" not in caught.value.message


def test_an_unknown_kind_is_explained() -> None:
    with pytest.raises(BadSetting, match="pigeon"):
        build("pigeon", "name", {}, box=MemoryBox(), log=ListLog())


async def test_settings_from_a_form_are_typed() -> None:
    carrier = made("smtp", port="2525", connections="3", timeout="1.5", security="none", username="", host=" relay.example ")
    assert carrier.abilities.chunk == 9  # three times the connections
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key("pkcs8-pem", passphrase="open").decode()
    await made("sftp", password="", private_key=key, passphrase="open", any_host_key="on", host_key="").close()
