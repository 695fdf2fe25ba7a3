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


def test_with_no_definitions_at_all_it_is_ready_and_finds_them_when_they_come(receivers, sink, tmp_path):
    """The usual folder may be missing; one that was named may not."""
    receiver = receivers(tmp_path, definitions={}, config=config(sink))
    receiver.definitions.rmdir()
    receiver.start()
    assert receiver.send().json["jobs"] == []
    receiver.definitions.mkdir()
    (receiver.definitions / "echo.yaml").write_text(ECHO)
    until(lambda: receiver.send().json["jobs"], what="a definition that was made later")
    receiver.stop()
    named = receivers(
        tmp_path / "named", definitions={}, config=config(sink), environ={"JOB_DEFINITIONS_CONFIG_PATH": "none"}
    )
    named.start(ready=False)
    assert named.process.wait(timeout=20) == 2
    assert "JOB_DEFINITIONS_CONFIG_PATH" in named.log.read_text()


def test_a_broken_edit_keeps_the_last_good_set(receiver):
    """Still ready, with a warning; in the metrics and the log; gone when it is mended."""
    file = receiver.definitions / "echo.yaml"
    good = file.read_text()
    file.write_text(good.replace("name: echo", "nam: echo"))
    ready = until(lambda: (a := receiver.ask("GET", "/readyz")).json["warnings"] and a, what="the warning")
    assert ready.status == 200
    assert "echo.yaml" in ready.json["warnings"][0]
    assert b"jobhook_definitions_stale 1.0" in receiver.ask("GET", "/metrics").body
    assert receiver.lines("definitions.broken")
    assert receiver.send().json["jobs"]
    file.write_text(good)
    until(lambda: not receiver.ask("GET", "/readyz").json["warnings"], what="the end of the warning")


def test_a_broken_definition_at_the_start_is_no_start(receivers, sink, tmp_path):
    """With file, line and remedy, and the exit code of a usage error."""
    broken = ECHO.replace("params:", "parms:")
    receiver = receivers(tmp_path, definitions={"echo.yaml": broken}, config=config(sink)).start(ready=False)
    assert receiver.process.wait(timeout=20) == 2
    assert "echo.yaml:" in receiver.log.read_text()
    assert "params" in receiver.log.read_text()
