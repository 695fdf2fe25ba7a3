"""Our addresses as they are where the application is mounted below another's root."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Rooted:
    """Put the mount's path before the paths that answers name in `Location`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        root = scope.get("root_path", "").encode()

        async def rooted(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (name, root + text if name == b"location" and text.startswith(b"/") else text)
                    for name, text in message["headers"]
                ]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, rooted if root else send)
