"""Refuses what nobody of ours sends: a body larger than any of ours, and a character that no text has.

PostgreSQL takes no NUL in a text: a request that carries one would fail wherever its words meet the database.
"""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 << 10


class BodyLimit:
    """ASGI middleware: a body comes whole and within the limit, or the application never hears of the request.

    A length that is announced is believed only where it is too large; bytes are counted in any case. `larger` are the
    limits of single paths.
    """

    def __init__(
        self, app: ASGIApp, *, largest: int = LARGEST_BODY, larger: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        self._app = app
        self._usual = largest
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then pass on; answer 413 where it is too large."""
        if scope["type"] == "websocket" and "\0" in scope["path"]:
            await send({"type": "websocket.close"})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        largest = self._larger.get(scope["path"], self._usual)
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if not announced.isdigit() or int(announced) > largest:
            await self._refuse(scope, receive, send, largest)
            return
        body, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # the other end has gone
            body.append(message.get("body", b""))
            size += len(body[-1])
            if size > largest:
                await self._refuse(scope, receive, send, largest)
                return
            if not message.get("more_body", False):
                break
        if _has_nul(scope, b"".join(body)):
            await self._answer(scope, receive, send, 400, "the request holds the character NUL", "leave it out")
            return
        whole: list[Message] = [{"type": "http.request", "body": b"".join(body), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, largest: int) -> None:
        why = f"the body is larger than {largest} bytes"
        await self._answer(scope, receive, send, 413, why, "send less at once")

    async def _answer(self, scope: Scope, receive: Receive, send: Send, status: int, why: str, advice: str) -> None:
        answer = {"detail": why, "try": advice}
        response = JSONResponse(answer, status_code=status, headers={"Connection": "close"})
        await response(scope, receive, send)


def _has_nul(scope: Scope, body: bytes) -> bool:
    return "\0" in scope["path"] or b"%00" in scope["query_string"] or b"\\u0000" in body
