# SPDX-License-Identifier: Apache-2.0
"""ngIRCd on loopback: the plain server family, without tags, without SASL, with small limits lifted."""

from pathlib import Path

from .ports import free_port, is_listening
from .process import Process, scratch_for
from .server import Server

USER = "irc"


class NgIRCd(Server):
    def __init__(self, directory):
        self.directory = scratch_for(Path(directory), USER)
        self.host = "127.0.0.1"
        self.port = free_port()
        self.log = self.directory / "ngircd.log"

    def start(self):
        config = self.directory / "ngircd.conf"
        config.write_text(self._config())
        self.process = Process(
            "ngIRCd",
            ["/usr/sbin/ngircd", "--nodaemon", "--config", config],
            self.log,
            cwd=self.directory,
            user=USER,
        )
        self.process.wait_ready(lambda: is_listening(self.port), 15)

    def _config(self):
        return f"""
[Global]
Name = irc.plain.test
Info = plain server
Network = PlainNet
Listen = {self.host}
Ports = {self.port}
MotdPhrase = "hello"
PidFile = {self.directory}/ngircd.pid
[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
MaxNickLength = 30
PingTimeout = 120
[Options]
DNS = no
Ident = no
PAM = no
"""
