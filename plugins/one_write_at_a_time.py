"""One writing request at a time, where Airflow keeps its records in SQLite.

Airflow's server notes each action of a user (trigger, switch on, clear) in a transaction that waits
for the database on the server's event loop. A transaction of another request that holds the database
needs the same loop to end, so the two wait for each other until the first gives up with "database is
locked", and the scheduler and all running tasks wait with them. Requests that write therefore pass one
by one. SQLite has one writer at a time anyway; with PostgreSQL this does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_READING = ("GET", "HEAD", "OPTIONS")


class OneWriteAtATime:
    """ASGI middleware that lets a request which may write begin when the one before has ended.

    Parameters
    ----------
    app : callable
        The application behind it.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on: at once if it only reads, else when its turn has come."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        received = await _receive_all(receive)  # a client that stalls has no turn yet

        async def replay() -> Message:
            return received.pop(0) if received else await receive()

        async with self._turn:
            await self._app(scope, replay, send)


async def _receive_all(receive: Receive) -> list[Message]:
    received = [await receive()]
    while received[-1].get("more_body"):
        received.append(await receive())
    return received


class OneWriteAtATimePlugin(AirflowPlugin):
    """Adds the middleware to Airflow's server."""

    name = "one_write_at_a_time"
    fastapi_root_middlewares = (
        [{"name": name, "middleware": OneWriteAtATime}]
        if conf.get("database", "sql_alchemy_conn").startswith("sqlite")
        else []
    )
