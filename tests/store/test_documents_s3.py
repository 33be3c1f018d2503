"""Addresses of S3 stores."""

import pytest

from postoffice.model.errors import PostOfficeError
from postoffice.store.documents_s3 import place_from


def test_the_forms_of_an_address() -> None:
    place = place_from("s3://post/letters/2026?endpoint=https://s3.example.fr:9000&region=fr-par", "key", "word")
    assert (place.bucket, place.prefix, place.host, place.secure, place.region) == (
        "post",
        "letters/2026/",
        "s3.example.fr:9000",
        True,
        "fr-par",
    )
    plain = place_from("s3://post?endpoint=http://127.0.0.1:9000", "key", "word")
    assert (plain.prefix, plain.secure, plain.region) == ("", False, "us-east-1")
    assert place_from("s3://post", "key", "word").host == "s3.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://s3.example.fr/post", "key"),
        ("s3://", "key"),
        ("s3://key:opensesame@post", "key"),
        ("s3://post?endpoint=s3.example.fr", "key"),
        ("s3://post?endpoint=https://s3.example.fr/folder", "key"),
        ("s3://post?endpiont=https://s3.example.fr", "key"),
        ("s3://post", ""),
    ],
)
def test_another_form_is_told_without_secrets(url: str, key: str) -> None:
    with pytest.raises(PostOfficeError) as refused:
        place_from(url, key, "opensesame")
    assert refused.value.code == "documents-setting" and refused.value.help and "opensesame" not in refused.value.message
