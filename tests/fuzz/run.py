"""`make fuzz`: run each fuzz target under atheris for COUNT inputs, and stop at the first that breaks it."""

import argparse
import functools
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = ("decoder", "providers", "app")


@functools.cache
def seeds(target):
    """Make inputs to begin with, from the cases that the project ships."""
    cases = json.loads((HERE.parent / "data" / "cloudevents" / "rules.json").read_text())
    texts = ["\n".join(f"{name}: {value}" for name, value in case["headers"]) + "\n\n" + case["body"] for case in cases]
    for delivery in json.loads((HERE.parent / "data" / "github" / "deliveries.json").read_text()):
        texts.append(
            f"content-type: application/json\nx-github-event: {delivery['event']}\n\n" + json.dumps(delivery["body"])
        )
    wire = "POST /events HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n"
    if target != "app":
        return [text.encode() for text in texts]
    shaped = [bytes([1, 255]) + text.encode() for text in texts]
    shaped += [bytes([2, second]) + text.encode() for number, text in enumerate(texts) for second in (0, number % 14)]
    lists = [b"\x03\xff\n\n" + query for query in (b"", b"?limit=2&state=running", b"?label=a=b", b"/x/logs?tail=3")]
    free = [
        b"\x04\xff\n\n" + line for line in (b"/healthz\nHEAD\n", b"/cleanup?dry_run=true\nPOST\n", b"/%2e%2e\nGET\n")
    ]
    belied = b"\x02\x00content-type: application/json\nx-github-event: release\n\n" + b'{"ref": "x"}'
    return [belied, *shaped, *lists, *free, b"\x00\x40" + wire.encode(), b"\x00\xff" + (wire + wire).encode()]


def run(target, count, atheris):
    """Run one target; this process ends with it."""
    sys.path.insert(0, str(HERE))
    with atheris.instrument_imports(include=["webhook", "fuzz_decoder", "fuzz_app"]):
        import fuzz_decoder

        if target == "app":
            import fuzz_app

            one = fuzz_app.App().feed
        else:
            one = getattr(fuzz_decoder, target)
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds(target)):
            pathlib.Path(folder, str(number)).write_bytes(seed)
        options = [
            f"-runs={count}",
            "-max_len=4096",
            "-timeout=20",
            "-print_final_stats=1",
            "-verbosity=0",
            f"-artifact_prefix={target}-",
        ]
        atheris.Setup([sys.argv[0], *options, folder], lambda data: one(data) and None)
        atheris.Fuzz()


def main():
    """Run every target in a process of its own: the fuzzer ends its process."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("targets", nargs="*", default=TARGETS, help=", ".join(TARGETS))
    arguments.add_argument("--count", type=int, default=100_000, help="inputs for each target")
    arguments.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print(
            "skipped: atheris is not installed; `.venv/bin/python -m pip install atheris` (Linux, CPython) and run again"
        )
        return 0
    if given.here:
        import atheris

        run(given.targets[0], given.count, atheris)
    for target in given.targets:
        print(f"== {target}: {given.count} inputs", flush=True)
        done = subprocess.run([sys.executable, __file__, target, "--here", "--count", str(given.count)], check=False)
        if done.returncode:
            print(f"{target} broke; the input is in the file that is named above")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
