"""Tokens of OAuth 2 (RFC 6749), and a client of a web interface that shows one: renewed before it ends, and once when it is refused."""

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from postoffice.channels.rest import Answer, Rest
from postoffice.model.errors import InDoubt, TryLater

_EARLY = 60.0  #: seconds before a token's end at which another is fetched; a fifth of its life where that is less
_SHORT = 300.0  #: seconds that a token lives where its server does not say
_OURS = timedelta(minutes=5)  #: until wrong credentials are tried again


class Tokens:
    """The access token for one account. `form`: the fields of the token request.

    Where the answer brings another refresh token, that one is shown from then on, as long as this process lives.
    """

    def __init__(self, rest: Rest, path: str, form: Mapping[str, str]) -> None:
        self._rest = rest
        self._path = path
        self._form = dict(form)
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until = 0.0

    async def get(self, refused: str = "") -> str:
        """A token other than `refused`. TryLater where none can be had: a call without one does nothing."""
        async with self._lock:
            if not self._token or self._token == refused or time.monotonic() >= self._good_until:
                await self._fetch()
            return self._token

    async def _fetch(self) -> None:
        try:
            answer = await self._rest.post(self._path, data=self._form)
        except InDoubt as error:
            raise TryLater(f"No access token could be had: {error.reason}", code="token") from error
        token, life = answer.body.get("access_token"), answer.body.get("expires_in")
        if not answer.good or not isinstance(token, str) or not token:
            after = answer.after or (_OURS if answer.status in (400, 401, 403) else None)
            raise TryLater(f"The provider gave no access token: it answered {answer.status}", code=str(answer.status), after=after)
        if "refresh_token" in self._form and isinstance(renewed := answer.body.get("refresh_token"), str) and renewed:
            self._form["refresh_token"] = renewed
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _SHORT
        self._token = token
        self._good_until = time.monotonic() + seconds - min(_EARLY, seconds / 5)

    async def close(self) -> None:
        """Hang up."""
        await self._rest.close()


class Signed:
    """A client of one site whose calls carry a token. Content that can be read only once is given as a function that makes it."""

    def __init__(self, rest: Rest, tokens: Tokens, accept: str = "application/json") -> None:
        self._rest = rest
        self._tokens = tokens
        self._accept = accept

    async def change(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """As Rest.change."""
        token = await self._tokens.get()
        answer = await self._rest.change(method, path, headers=self._with(token, headers), **_fresh(content))
        if answer.status == 401:  # it was not looked at: saying it again is safe
            token = await self._tokens.get(refused=token)
            answer = await self._rest.change(method, path, headers=self._with(token, headers), **_fresh(content))
        return answer

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """As Rest.get."""
        token = await self._tokens.get()
        answer = await self._rest.get(path, headers=self._with(token, headers), **content)
        if answer.status == 401:
            token = await self._tokens.get(refused=token)
            answer = await self._rest.get(path, headers=self._with(token, headers), **content)
        return answer

    def _with(self, token: str, headers: Mapping[str, str] | None) -> dict[str, str]:
        return {"Accept": self._accept, **(headers or {}), "Authorization": f"Bearer {token}"}

    async def close(self) -> None:
        """Hang up."""
        await self._rest.close()


def _fresh(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value() if callable(value) else value for name, value in content.items()}
