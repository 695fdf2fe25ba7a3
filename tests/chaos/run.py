"""`make chaos`: everything breaks, and the books balance. COUNT events by SEED; what breaks is printed as it does."""

import argparse
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import driving
import throwaway
from chaos import books as bookkeeping
from chaos import cast, plan
from chaos.recorder import Recorder
from chaos.replicas import Replica
from chaos.senders import Senders
from chaos.sinks import Sink

FASTEST = 10.0
"""Events a second: more than that, and the Job controller is not done with the Jobs for long after the last event."""
SHORTEST = 75.0
"""Seconds of faults at least, so that a small count sees them all."""
STILL = 90.0
"""Seconds beyond `settle` in which no Job goes: then none will."""
EVERY = 2.0
"""Seconds between two cleanups."""
OUTAGES = {"etcd": ("etcd", "pause", "resume"), "apiserver": ("kube-apiserver", "kill", "start")}
LAST = "last-of-all"
"""A stranger's Job that is made at the end: when the recorder has seen it, it has seen all."""


class Stage:
    """A cluster, two replicas, three sinks and a recorder, for one run."""

    def __init__(self, cluster, folder, *, settle):
        self.cluster, self.settle, self.began = cluster, settle, time.monotonic()
        self.namespace = cluster.namespace()
        port = json.loads((cluster.folder / "cluster.json").read_text())["first_port"]
        self.recorder = Recorder(port, self.namespace).start()
        self.sinks = [Sink(name) for name in plan.SINKS]
        environ = {
            "JOBHOOK_CLUSTER": "kubernetes",
            "KUBECONFIG": str(cluster.kubeconfig),
            "JOB_NAMESPACE": self.namespace,
        }
        settings = cast.config(self.sinks, settle=settle)
        self.replicas = [
            Replica(folder / name, definitions=cast.DEFINITIONS, config=settings, environ=environ)
            for name in plan.REPLICAS
        ]
        self.over = threading.Event()
        self.sweeps = 0

    def say(self, text):
        """Print a line with the time since the beginning."""
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def replica(self, name):
        """By its name."""
        return self.replicas[plan.REPLICAS.index(name)]

    def start(self):
        """Start the replicas, and wait until they are ready."""
        for replica in self.replicas:
            replica.spawn()
        for replica in self.replicas:
            driving.until(lambda one=replica: one.answers_or_ended(), what="readiness")
            assert replica.running, replica.log.read_text()[-2000:]

    def clean(self):
        """Order cleanups, of one replica after the other, until all is over."""
        while not self.over.wait(EVERY):
            for replica in self.replicas:
                caller = {"authorization": f"Bearer {driving.TOKEN}"}
                answer = replica.ask("POST", "/cleanup", headers=caller, timeout=70)
                self.sweeps += answer.status == 200

    def suffer(self, fault):
        """Let one fault happen, and end."""
        if fault.kind == "sink":
            ill = self.sinks[plan.SINKS.index(fault.whom)]
            ill.fall_ill(fault.how)
            time.sleep(fault.seconds)
            ill.recover()
        elif fault.kind in {"kill", "terminate"}:
            replica = self.replica(fault.whom)
            replica.kill() if fault.kind == "kill" else replica.terminate()
            time.sleep(fault.seconds)
            replica.clock = fault.clock
            replica.spawn()
        else:
            component, away, back = OUTAGES[fault.kind]
            self.cluster.ctl(away, component)
            time.sleep(fault.seconds)
            self.cluster.ctl(back, component)

    def break_things(self, faults, calm):
        """Let faults happen until it is calm."""
        for fault in faults:
            if calm.wait(fault.pause):
                return
            self.say(str(fault))
            self.suffer(fault)

    def close(self):
        """End all that was started."""
        self.over.set()
        for replica in self.replicas:
            if replica.running:
                replica.kill()
        for sink in self.sinks:
            sink.close()
        self.recorder.stop()

    def versions(self):
        """The Jobs in the namespace that are not ours, with uid and version."""
        items = json.loads(self.cluster.kubectl("get", "jobs", "-n", self.namespace, "-o", "json"))["items"]
        return {
            job["metadata"]["name"]: (job["metadata"]["uid"], job["metadata"]["resourceVersion"])
            for job in items
            if job.get("status", {}).get("conditions")
            and "jobhook.dev/key" not in job["metadata"].get("annotations", {})
        }

    def plant(self):
        """Create strangers' Jobs, wait until they have ended, and answer their versions."""
        planted = cast.strangers()
        for job in planted:
            job["metadata"]["namespace"] = self.namespace
        self.cluster.apply(*planted)
        driving.until(lambda: len(self.versions()) == len(planted), what="strangers' Jobs finished")
        return self.versions()


def run(cluster, folder, *, count, seed, settle=60):
    """Run all of it once, and answer the books."""
    sendings, rate = plan.sendings(seed, count), min(FASTEST, count / SHORTEST)
    stage = Stage(cluster, folder, settle=settle)
    stage.say(f"COUNT={count} SEED={seed} SETTLE={settle}: {len(sendings)} sendings, {rate:.1f} events a second")
    with contextlib.closing(stage), ThreadPoolExecutor(2) as pool, _fake_node(cluster):
        try:
            return _played(stage, pool, sendings, seed=seed, rate=rate * len(sendings) / count)
        finally:
            stage.over.set()


def _played(stage, pool, sendings, *, seed, rate):
    planted = stage.plant()
    stage.start()
    senders, calm = Senders(stage.replicas, seed=seed), threading.Event()
    cleaning = pool.submit(stage.clean)
    breaking = pool.submit(stage.break_things, plan.faults(seed), calm)
    try:
        senders.send_all(sendings, rate=rate)
        stage.say(f"all is sent: {dict(senders.answers)}")
    finally:
        calm.set()
    breaking.result(timeout=120)
    fates = {sending.id: sending.fate for sending in sendings}
    _settle_down(stage, fates)
    senders.send_all([sending for sending in sendings if sending.repeat], rate=rate * 4)
    stage.over.set()
    cleaning.result(timeout=120)
    return _balance(stage, senders, fates, planted)


def _settle_down(stage, fates):
    """Wait until all our Jobs are gone again."""

    def quiet():
        ours = stage.recorder.ours()
        return stage.recorder.broken or (len(ours) >= len(fates) and all(life.deleted is not None for life in ours))

    before, changed, told = 0, time.monotonic(), 0.0
    # The Job controller takes its time to end thousands of Jobs; only where nothing moves any more is it over.
    while not quiet() and time.monotonic() < changed + stage.settle + STILL:
        if (living := len(stage.recorder.living())) != before:
            before, changed = living, time.monotonic()
        if time.monotonic() > told + 15:
            stage.say(f"{living} of {len(stage.recorder.ours())} Jobs are still there")
            told = time.monotonic()
        time.sleep(0.5)


def _balance(stage, senders, fates, planted):
    for replica in stage.replicas:
        replica.terminate()
    stage.cluster.apply(cast.stranger(LAST, {}) | {"metadata": {"name": LAST, "namespace": stage.namespace}})
    seen = driving.until(lambda: stage.recorder.broken or stage.recorder.saw(LAST), what="the recorder's end")
    lives, books = stage.recorder.ours(), bookkeeping.Books()
    books.line("gaps in the history", int(seen is not True), 0)
    bookkeeping.of_launches(books, fates, senders, lives)
    skewed = sum(abs(life.skew or 0) > 12 for life in lives)
    books.line("Jobs launched by a replica whose clock was 20 s off", skewed)
    bookkeeping.of_completions(books, fates, lives, stage.sinks)
    bookkeeping.of_ends(books, lives, planted, stage.versions())
    books.line("cleanups", stage.sweeps)
    time.sleep(0.5)  # for the sinks' threads, to see that their connections were closed
    bookkeeping.of_processes(books, stage.replicas, stage.sinks)
    answers = ", ".join(f"{sink.name} {dict(sink.answers)}" for sink in stage.sinks)
    stage.say(f"sinks: {answers}")
    return books


@contextlib.contextmanager
def _fake_node(cluster):
    """Something that ends pods as their annotations say."""
    process = subprocess.Popen(
        [sys.executable, cluster.tools / "fake-node", "--kubeconfig", cluster.kubeconfig],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(timeout=10)


def main():
    """Run it from the command line; the exit code says whether the books balance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--settle", type=int, default=60)
    parser.add_argument("--keep", type=pathlib.Path, help="a folder for what the receivers log")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cluster = throwaway.start(pathlib.Path(scratch) / "cluster")
        try:
            folder = arguments.keep or pathlib.Path(scratch)
            books = run(cluster, folder, count=arguments.count, seed=arguments.seed, settle=arguments.settle)
        finally:
            throwaway.stop(cluster)
    print(books.table())
    for fault in books.faults:
        print(f"DOES NOT BALANCE: {fault}")
    return bool(books.faults)


if __name__ == "__main__":
    sys.exit(main())
