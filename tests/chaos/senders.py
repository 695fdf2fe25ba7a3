"""Senders as brokers are: what was not answered with 2xx is sent again, until it is."""

import itertools
import json
import random
import threading
import time
from collections import Counter, defaultdict

WORKERS = 8
LONGEST_PAUSE = 2.0
PATIENCE = 180.0
"""Seconds; an event that is not taken for so long is a fault, and ends the sending."""


class Senders:
    """Send a plan at a rate, from several threads, each time to any of the replicas.

    Attributes:
        names: the Jobs' names that were told of each event.
        created: how often `created: true` was told of each event.
        gone: answers that knew the Job as gone.
        answers: how often which status came; 0 for none.
        faults: answers that may never come.
    """

    def __init__(self, replicas, *, seed):
        self._replicas, self._seed = replicas, seed
        self.names = defaultdict(set)
        self.created = Counter()
        self.gone = 0
        self.answers = Counter()
        self.faults: list[str] = []
        self.done = 0
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def send_all(self, sendings, *, rate):
        """Send all of them, about so many a second; returns when each has its 2xx."""
        begin, numbered = time.monotonic(), enumerate(sendings)

        def work(worker):
            dice = random.Random(f"{self._seed} sender {worker}")
            while not self.closed.is_set():
                with self._lock:
                    number, sending = next(numbered, (0, None))
                if sending is None:
                    return
                time.sleep(max(0.0, begin + number // 2 * 2 / rate - time.monotonic()))
                self._until_taken(sending, dice)

        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in range(WORKERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _until_taken(self, sending, dice):
        end = time.monotonic() + PATIENCE
        for attempt in itertools.count():
            if self.closed.is_set():
                return
            if time.monotonic() > end:
                self.faults.append(f"{sending.id}: not taken within {PATIENCE:.0f} s")
                self.closed.set()
                return
            answer = dice.choice(self._replicas).send(
                {"fate": sending.fate}, id=sending.id, source="/chaos", type=f"com.example.chaos.{sending.fate}"
            )
            with self._lock:
                self.answers[answer.status] += 1
            if answer.status == 202:
                self._taken(sending, answer.json)
                return
            if 0 < answer.status < 500 and answer.status != 429:
                self.faults.append(f"{sending.id}: {answer.status} {json.dumps(answer.json)[:200]}")
                return
            time.sleep(dice.uniform(0.05, min(LONGEST_PAUSE, 0.2 * 2 ** min(attempt, 8))))

    def _taken(self, sending, told):
        with self._lock:
            self.done += 1
            if len(told["jobs"]) != 1:
                self.faults.append(f"{sending.id}: told of {len(told['jobs'])} Jobs")
            for job in told["jobs"]:
                self.names[sending.id].add(job["name"])
                self.created[sending.id] += job["created"]
                self.gone += job.get("gone", False)
