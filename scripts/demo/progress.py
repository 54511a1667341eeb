# SPDX-License-Identifier: Apache-2.0
"""Steps as quickstart shows them: one line each, with the time since its start and the time it took."""

import contextlib
import os
import time

_started = float(os.environ.get("TRESTLE_STARTED") or time.time())


class Stop(Exception):
    """Ends the demo with a sentence for the person in front of it."""


def elapsed():
    seconds = max(0, int(time.time() - _started))
    return f"{seconds // 60}:{seconds % 60:02d}"


@contextlib.contextmanager
def step(text):
    print(f"{f'[{elapsed()}] {text}':<58}", end="", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(f" FAILED after {time.monotonic() - start:.1f} s", flush=True)
        raise
    print(f" {time.monotonic() - start:6.1f} s", flush=True)


def say(text=""):
    print(text, flush=True)
