"""Addresses of queue servers."""

import pytest
from redis.asyncio.connection import SSLConnection

from postoffice.model.errors import PostOfficeError
from postoffice.store.bell import redis_client


def test_the_forms_of_an_address() -> None:
    assert redis_client("unix:///run/redis.sock").connection_pool.connection_kwargs["path"] == "/run/redis.sock"
    one = redis_client("rediss://user:word@queue:6380/3").connection_pool
    given = {"host": "queue", "port": 6380, "db": 3, "username": "user", "password": "word"}
    assert one.connection_kwargs.items() >= given.items() and issubclass(one.connection_class, SSLConnection)
    many = redis_client("redis+sentinel://:p%40ss@one:26379,two,[::1]:26380/post/2").connection_pool
    assert many.service_name == "post" and many.connection_kwargs["db"] == 2 and many.connection_kwargs["password"] == "p@ss"
    places = [client.connection_pool.connection_kwargs for client in many.sentinel_manager.sentinels]
    assert [(place["host"], place["port"]) for place in places] == [("one", 26379), ("two", 26379), ("::1", 26380)]
    assert issubclass(redis_client("rediss+sentinel://one:1/post").connection_pool.connection_class, SSLConnection)


@pytest.mark.parametrize(
    "url",
    ["", "http://queue", "redis+sentinel://one:26379", "redis+sentinel:///post", "redis+sentinel://one:x/post", "redis://queue/x"],
)
def test_another_form_is_told_and_its_password_is_not(url: str) -> None:
    with pytest.raises(PostOfficeError) as refused:
        redis_client(url.replace("//", "//:opensesame@", 1) if "//" in url else url)
    assert refused.value.code == "redis-address" and "opensesame" not in str(refused.value)
