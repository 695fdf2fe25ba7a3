"""Submit a Job, wait for its end, and exit by it.

JOBHOOK_CLUSTER=local JOB_DEFINITIONS_CONFIG_PATH=examples/definitions python examples/submit_and_wait.py you
"""

# ruff: noqa: INP001, T201 - an example is one file, and prints

import asyncio
import sys

from webhook import JobManagerFactory


async def main(whom: str) -> int:
    """Run one Job."""
    async with JobManagerFactory.from_env().manager() as manager:
        # The key makes it safe to run this twice: the second time it finds the first one's Job.
        name = await manager.create_job("greet", {"whom": whom}, idempotency_key=f"greet-{whom}")
        print(name, await manager.job_status(name))
        async with asyncio.timeout(600):
            job = await manager.wait_job(name)
        print(await manager.job_logs(name), end="")
        print(name, job.state)
        return 0 if job.state == "succeeded" else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:] or ["world"])))
