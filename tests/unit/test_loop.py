"""The event loop: whose a descriptor is."""

import asyncio
import socket
import ssl

import pytest

from webhook.loop import Loop


@pytest.fixture
def pair():
    """A connected socket of ours, and the other side's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        yield ours, other
        ours.close()
        other.close()


def run(story):
    """Run a story on our loop."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(story())


def test_a_connected_socket_is_taken_over(pair):
    """What is written goes out by it, and the socket that was given has let go of it."""
    ours, other = pair

    async def story():
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
        assert ours.fileno() == -1
        transport.write(b"x")
        assert await loop.run_in_executor(None, other.recv, 1) == b"x"
        transport.close()

    run(story)


@pytest.mark.parametrize("how", ["breaks off", "is given up"])
def test_a_connection_that_does_not_come_about_leaves_its_socket_nothing_to_close(pair, how):
    """Else its number would be closed once more, when it is another connection's already."""
    ours, other = pair

    async def story():
        if how == "breaks off":
            other.close()
        with pytest.raises((OSError, TimeoutError)):
            async with asyncio.timeout(0.2 if how == "is given up" else 20):
                await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol, sock=ours, ssl=ssl.create_default_context(), server_hostname="localhost"
                )
        assert ours.fileno() == -1

    run(story)


def test_an_address_is_connected_to_as_ever():
    """Only a socket that is given is taken over."""

    async def story():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            host, port = listener.getsockname()
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, port)
            transport.close()

    run(story)
