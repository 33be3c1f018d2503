"""Ladders as people write them."""

from datetime import timedelta

import pytest

from postoffice.model.errors import PostOfficeError
from postoffice.routing.ladder import FORMS, Step, parse, written


def test_a_ladder_is_read_and_written() -> None:
    steps = parse("Email-Link 3d > sms-link 36h>post-registered")
    assert steps == (Step("email-link", timedelta(days=3)), Step("sms-link", timedelta(hours=36)), Step("post-registered"))
    assert written(steps) == "email-link 3d > sms-link 36h > post-registered"
    assert parse(written(steps)) == steps
    assert parse("email 2j")[0].wait == timedelta(days=2), "jours"
    assert parse("  ") == ()


@pytest.mark.parametrize(
    "text",
    [
        "pigeon",
        "email >",
        "> post",
        "email 3",
        "email 3 years",
        "email 4m",
        "post 9999d",
        "email > email",
        "cheapest > post",
        "cheapest 3d",
        "post-slow",
        " > ".join(sorted(FORMS)[:9]),
        "email" * 20,
        "email-link 3d; drop",
    ],
)
def test_what_is_no_ladder_is_said(text: str) -> None:
    with pytest.raises(PostOfficeError) as refused:
        parse(text)
    assert refused.value.code == "bad-ladder" and "email-link 3d" in refused.value.help
    assert len(refused.value.message) < 150
