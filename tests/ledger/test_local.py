"""The ledger over the local cluster's SQLite file."""

import asyncio
from datetime import timedelta

from webhook.clusters.local.cluster import LocalCluster
from webhook.ledger import Ledger
from webhook.metrics import Metrics


def ledger(cluster):
    return Ledger(cluster.records, remember=timedelta(days=14), settle=timedelta(0), metrics=Metrics())


def test_keys_are_known_at_once_and_after_a_restart(tmp_path, running, job_key):
    """One sweep writes and releases, launches know, and so does the next process on the same file."""

    async def play():
        deadline = asyncio.get_running_loop().time() + 60
        async with LocalCluster(tmp_path) as cluster, running(ledger(cluster)) as book:
            every = [job_key(number) for number in range(600)]
            async with book.writing() as clerk:
                await clerk.enter(every)
                assert await clerk.release(every) == set(every)
                assert await book.remembers(every[0], deadline=deadline)
            assert not await book.remembers(job_key(600), deadline=deadline)
        async with LocalCluster(tmp_path) as cluster, running(ledger(cluster)) as book:
            assert await book.remembers(every[599], deadline=deadline)
            for number in range(10):
                async with book.writing() as clerk:
                    await clerk.enter([job_key(1000 + number)])
            async with book.writing() as clerk:
                pass
            held = [record for record in await cluster.records.list() if record.data["keys"]]
            assert len(held) < 10
            assert await book.remembers(every[0], deadline=deadline)
            assert await book.remembers(job_key(1009), deadline=deadline)

    asyncio.run(play())
