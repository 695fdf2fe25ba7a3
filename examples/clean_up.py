"""Mark finished Jobs, and delete them when their time has come: k8s-jobs' loop. The argument is the retention.

JOBHOOK_CLUSTER=local python examples/clean_up.py 3600

It runs until Ctrl-C. Where a receiver runs, its CronJob does this by itself (docs/deploy.md).
"""

# ruff: noqa: INP001, T201 - an example is one file, and prints

import asyncio
import contextlib
import signal
import sys

from webhook import JobManagerFactory
from webhook.job import Job


async def remember(job: Job) -> None:
    """Take down what is wanted of a Job before it goes; where this fails, the Job stays for the next time."""
    print("deleting", job.name, job.state, flush=True)


async def main(retention_period_sec: float) -> None:
    """Clean up every minute."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with (
        JobManagerFactory.from_env().manager() as manager,
        manager.run_background_cleanup(60, retention_period_sec=retention_period_sec, delete_callback=remember),
    ):
        await stop.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*map(float, sys.argv[1:] or ["3600"])))
