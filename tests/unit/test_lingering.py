"""The transport of our answers: what is written when."""

import asyncio

import pytest

from webhook.web.lingering import LARGE, Lingering

HEAD = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n"


class Wire(asyncio.Transport):
    """Note what comes."""

    def __init__(self):
        super().__init__()
        self.written, self.ended = [], None

    def write(self, data):
        assert self.ended is None
        self.written.append(bytes(data))

    def close(self):
        self.ended = "closed"

    def abort(self):
        self.ended = "aborted"

    def is_closing(self):
        return self.ended is not None


def play(story):
    """Run a story on a transport of ours, and answer the wire."""
    wire = Wire()

    async def run():
        story(Lingering(wire, owed=lambda: False), wire)
        await asyncio.sleep(0)

    asyncio.run(run())
    return wire


@pytest.mark.parametrize("body", [b"{}", b""])
def test_a_head_goes_out_with_its_body(body):
    """In one write at the end of the turn, and the next answer with it."""

    def story(transport, wire):
        for _ in (1, 2):
            transport.write(HEAD)
            transport.write(body)
        assert wire.written == []

    assert play(story).written == [(HEAD + body) * 2]


def test_a_large_answer_goes_out_at_once():
    """What is in memory stays bounded, and the transport's own flow control sees it."""

    def story(transport, wire):
        transport.write(HEAD)
        transport.write(b"x" * LARGE)
        assert wire.written == [HEAD + b"x" * LARGE]
        for _ in range(3):
            transport.write(b"y" * (LARGE // 2))
        assert wire.written[1:] == [b"y" * (LARGE // 2 * 3)]

    play(story)


def test_a_head_whose_body_is_late_does_not_wait_for_it():
    """It goes out by the end of the turn, as that of a log that is followed."""

    def story(transport, wire):
        transport.write(HEAD)
        assert wire.written == []

    assert play(story).written == [HEAD]


def test_an_interim_answer_goes_out_at_once():
    """The peer waits for it, with the body that we wait for."""

    def story(transport, wire):
        transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert wire.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]

    play(story)


def test_a_connection_that_is_closed_has_its_head_first():
    """And none is lost to the order of things."""

    def story(transport, wire):
        transport.write(HEAD)
        transport.close()
        assert (wire.written, wire.ended) == ([HEAD], "closed")

    play(story)


def test_behind_the_last_answer_nothing_is_written():
    """The side is closed, and a write would fail."""

    def story(transport, wire):
        transport.write(HEAD)
        transport.close()
        transport.write(HEAD)

    assert play(story).written == [HEAD]


def test_a_connection_that_is_cut_or_lost_is_not_written_to():
    """The wire would refuse it."""

    def cut(transport, wire):
        transport.write(HEAD)
        transport.abort()

    def lose(transport, wire):
        transport.write(HEAD)
        wire.ended = "lost"
        transport.lost()

    assert play(cut).written == play(lose).written == []
