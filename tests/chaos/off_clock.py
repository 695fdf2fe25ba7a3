"""`jobhook serve` on a machine whose wall clock is off by CHAOS_CLOCK seconds; the receiver knows nothing of it."""

import datetime as dt
import importlib
import inspect
import os
import pkgutil
import sys

import webhook
from webhook.main import serve

OFF = dt.timedelta(seconds=int(os.environ.get("CHAOS_CLOCK", "0")))


class Off(dt.datetime):
    """A clock that is off; all that it makes are plain values."""

    @classmethod
    def now(cls, tz=None):
        return dt.datetime.now(tz) + OFF


def put_off():
    """Give the clock to every module that reads one, and answer how many there are."""
    changed = 0
    for found in pkgutil.walk_packages(webhook.__path__, "webhook."):
        if ".cli" in found.name or "__main__" in found.name or ".local" in found.name:
            continue
        module = importlib.import_module(found.name)
        if "datetime.now(" in inspect.getsource(module):
            module.datetime = Off
            changed += 1
    return changed


if __name__ == "__main__":
    assert put_off() >= 5, "the receiver reads its clock elsewhere by now"
    sys.exit(serve())
