# SPDX-License-Identifier: Apache-2.0
"""What somebody who wants a message lost, doubled or refused might try on IRC: nothing comes of it."""

import pytest

from support.waiting import eventually
from support.world import numbered


@pytest.mark.parametrize("text", ["\x01VERSION {n}\x01", "\x02\x0f"], ids=["CTCP", "nothing to read"])
def test_a_flood_of_lines_that_say_nothing_hides_nothing_said_after_it_while_the_bridge_was_away(stub_world, text):
    stub_world.ircd.say("fay", "#a", "before")
    stub_world.wait_in_matrix(1)
    stub_world.bridge.kill()
    stub_world.ircd.say("mallory", "#a", text, count=250)
    stub_world.ircd.say("fay", "#a", "away {n}", count=3, first=1)
    stub_world.bridge.start()
    stub_world.wait_for_bot("#a")
    stub_world.ircd.say("fay", "#a", "after")
    eventually(lambda: "after" in stub_world.in_matrix(), 20, "the line after it")
    assert stub_world.in_matrix() == ["before", *numbered("away ", 3), "after"]
