# SPDX-License-Identifier: Apache-2.0
"""A person at WeeChat (weechat-headless): told what to do through its FIFO, heard through its own log of a buffer.

It is a client that people really use, written by others: what it sends (formatting, CTCP, /me) and what it shows
do not depend on how we read IRC.
"""

from pathlib import Path

from .process import Process
from .server import Server
from .waiting import eventually


class WeeChat(Server):
    def __init__(self, directory, ircd, nick):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ircd = ircd
        self.nick = nick
        self.fifo = self.directory / "fifo"

    def start(self):
        commands = [
            "/set fifo.file.path " + str(self.fifo),
            "/fifo enable",
            "/set logger.file.flush_delay 0",
            "/set logger.file.color_lines off",
            "/set irc.look.smart_filter off",
            "/set weechat.plugin.autoload irc,fifo,logger,charset",
            f"/server add home {self.ircd.host}/{self.ircd.port} -notls -nicks={self.nick} -username={self.nick}",
            "/set irc.server.home.anti_flood_prio_high 0",
            "/set irc.server.home.anti_flood_prio_low 0",
            "/connect home",
        ]
        run = [word for command in commands for word in ("-r", command)]
        self.process = Process(
            "WeeChat",
            ["weechat-headless", "--dir", self.directory / "home", "--stdout", *run],
            self.directory / "weechat.log",
            cwd=self.directory,
        )
        self.process.wait_ready(lambda: self.fifo.exists() and "Welcome" in self.shown("server.home"), 30)

    def command(self, text, buffer="server.home"):
        """As if `text` were typed in a buffer: "server.home" or "home.#channel"."""
        with open(self.fifo, "w", encoding="utf-8") as fifo:
            fifo.write(f"irc.{buffer} *{text}\n")

    def join(self, channel):
        self.command(f"/join {channel}")
        eventually(lambda: self.nick in self.shown(f"home.{channel}"), what=f"WeeChat's buffer of {channel}")

    def say(self, channel, text):
        self.command(text, f"home.{channel}")

    def shown(self, buffer):
        """What WeeChat has shown in a buffer so far, as its logger wrote it: time, nick, text, by tabs."""
        log = self.directory / "home" / "logs" / f"irc.{buffer.lower()}.weechatlog"
        return log.read_text(encoding="utf-8") if log.exists() else ""

    def wait_shown(self, channel, text):
        """The line of the log with `text` as its message."""

        def line():
            return next((line for line in self.shown(f"home.{channel}").splitlines() if text in line), None)

        return eventually(line, what=f"{text!r} in WeeChat's {channel}", shown=lambda: self.shown(f"home.{channel}"))
