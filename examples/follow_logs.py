"""Submit a Job and print what it writes, as it writes it; no `async` anywhere.

JOBHOOK_CLUSTER=local JOB_DEFINITIONS_CONFIG_PATH=examples/definitions python examples/follow_logs.py 5
"""

# ruff: noqa: INP001, T201 - an example is one file, and prints

import sys

from webhook import JobManagerFactory


def main(times: int) -> None:
    """Follow one Job from before its container has started until it has ended."""
    with JobManagerFactory.from_env().blocking() as jobs:
        name = jobs.create_job("greet", {"times": times})
        for line in jobs.follow_logs(name):
            print(line.at, line.text.decode(errors="replace"), flush=True)
        print(name, jobs.wait_job(name).state)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or ["2"]))
