#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""say.py TEXT...: says it in the demo's room as the demo's Matrix user."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e")]

from state import DEMO, State  # noqa: E402
from support.matrix_client import MatrixClient  # noqa: E402

state = State(DEMO / "state.json")
if len(sys.argv) < 2 or "token" not in state:
    sys.exit("usage: say.py TEXT... (with the demo running and a Matrix user in it)")
user = MatrixClient(state["homeserver_url"], state["user_id"], state["token"])
user.send_text(state["room"], " ".join(sys.argv[1:]))
