"""What only the local cluster can show: its store, and its processes."""

import pathlib
import sqlite3

import pytest
from driving import ECHO, config, until


@pytest.fixture
def receiver(receivers, sink, tmp_path):
    """A running receiver with one definition that echoes what it was given."""
    return receivers(tmp_path, definitions={"echo.yaml": ECHO}, config=config(sink)).start()


def test_a_store_that_cannot_be_written_is_a_503_and_never_a_202(receiver, tmp_path):
    """Safe to send again: with Retry-After, within the answer's limit, and launched once the store is back."""
    [database] = (tmp_path / ".jobhook").glob("*.sqlite3")
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        answer = receiver.send(id="later")
        assert answer.status == 503, answer.body
        assert int(answer.getheader("retry-after")) >= 1
        assert "postponed" in answer.json["jobs"][0]
    finally:
        lock.rollback()
        lock.close()
    assert receiver.send(id="later").status == 202


def test_no_process_outlives_the_receiver(receivers, sink, tmp_path):
    """kill -9 of the receiver ends what its Jobs had started, too."""
    marker = tmp_path / "alive"
    slow = ECHO.replace(
        "command: [sh, -c,",
        "command: [sh, -c, 'while :; do date > {marker}; sleep 0.1; done', ".replace("{marker}", str(marker)),
    )
    receiver = receivers(tmp_path, definitions={"slow.yaml": slow}, config=config(sink)).start()
    receiver.send()
    until(marker.exists, what="the Job's process")
    receiver.kill()
    needle = str(marker).encode()

    def living():
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if needle in (folder / "cmdline").read_bytes():
                    return True
            except OSError:
                continue
        return False

    until(lambda: not living(), what="the end of the Job's processes")
