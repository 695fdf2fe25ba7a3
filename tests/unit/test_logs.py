"""Log lines: when they are written, and what stands in them."""

import asyncio
import io
import json

import pytest
import structlog

from webhook import logs


@pytest.fixture
def stream():
    """Configure logging into a stream, and leave it as it was."""
    before = structlog.get_config()
    text = io.StringIO()
    logs.configure(stream=text, pretty=False)
    yield text
    structlog.configure(**before)


def _lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_turn_of_the_loop_writes_its_lines_once(stream):
    """Lines of one turn wait for each other; the next turn finds them written, in order."""

    async def main():
        log = structlog.get_logger()
        log.info("first")
        log.info("second")
        assert stream.getvalue() == ""
        await asyncio.sleep(0)
        assert [line["event"] for line in _lines(stream)] == ["first", "second"]

    asyncio.run(main())


def test_a_warning_is_written_at_once_behind_what_waits(stream):
    """What may be the last word of a process does not wait."""

    async def main():
        log = structlog.get_logger()
        log.info("first")
        log.warning("second")
        assert [line["event"] for line in _lines(stream)] == ["first", "second"]

    asyncio.run(main())


def test_without_a_loop_every_line_is_written_at_once(stream):
    """There is nobody who would come back for it."""
    structlog.get_logger().info("alone")
    assert [line["event"] for line in _lines(stream)] == ["alone"]


def test_a_line_is_json_whatever_its_values_are(stream):
    """Time, level and fields; texts are cut and cannot forge a line; what JSON has not is shown all the same."""
    structlog.get_logger().info("odd", text="a\nb\u2028", long="x" * 1000, thing=object(), lone="\ud800")
    (line,) = _lines(stream)
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert line["text"] == "a\\nb\\u2028"
    assert len(line["long"]) == logs.MAX_VALUE + 1
    assert line["thing"].startswith("<object")
    assert line["lone"] == "\\ud800"
