# SPDX-License-Identifier: Apache-2.0
"""InspIRCd 3 on loopback: tags, server-time, msgid, echo-message, labeled-response, and SASL once services link to it.

It refuses to run as root, so its directory is given to the user `irc`. Limits are raised out of the way of tests
unless `flood_control` is asked for.
"""

import shutil
from pathlib import Path

from .ports import free_port, is_listening
from .process import Process, scratch_for, user_to_run_as
from .server import Server

USER = "irc"
SERVICES_NAME = "services.example.test"
LINK_PASSWORD = "linkpassword"

_MODULES = """
    cap ircv3 ircv3_accounttag ircv3_batch ircv3_capnotify ircv3_chghost ircv3_ctctags ircv3_echomessage
    ircv3_invitenotify ircv3_labeledresponse ircv3_msgid ircv3_servertime namesx uhnames alltime
""".split()
# The user mode d, and an operator root with the password "secret" who sees other people's modes.
DEAF_AND_OPERATORS = """
    <module name="deaf">
    <class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">
    <type name="root" classes="all">
    <oper name="root" password="secret" host="*@*" type="root">
"""
_SERVICES_MODULES = "spanningtree services_account svshold sasl".split()


class InspIRCd(Server):
    """Made stopped. Restarting keeps the ports, so clients come back to the same address."""

    def __init__(self, directory, *, services=False, sasl=True, tls=None, flood_control=False, extra="", detached=False):
        self.directory = scratch_for(Path(directory), USER)
        self.services = services
        self.sasl = sasl
        self.tls = tls  # (certificate, key): clients get a TLS port as well
        self.flood_control = flood_control
        self.extra = extra
        self.detached = detached
        self.host = "127.0.0.1"
        self.port = free_port()
        self.link_port = free_port()
        self.tls_port = free_port()
        self.log = self.directory / "inspircd.log"

    def start(self):
        config = self.directory / "inspircd.conf"
        config.write_text(self._config())
        (self.directory / "motd").write_text("A server for tests.\n")
        self.process = Process(
            "InspIRCd",
            [self._program(), "--config", config, "--nofork", "--nolog"],
            self.log,
            cwd=self.directory,
            user=USER,
            detached=self.detached,
        )
        self.process.wait_ready(lambda: is_listening(self.port), 15)

    # Debian confines /usr/sbin/inspircd to its system directories where AppArmor is on; a copy is free.
    def _program(self):
        program = self.directory / "inspircd"
        if not program.exists():
            shutil.copy("/usr/sbin/inspircd", program)
            program.chmod(0o755)
            if user_to_run_as(USER):
                shutil.chown(program, USER)
        return program

    def _config(self):
        modules = _MODULES + (_SERVICES_MODULES if self.services else [])
        modules = [name for name in modules if self.sasl or name != "sasl"] + (["ssl_gnutls", "sslinfo"] if self.tls else [])
        lines = [f'<module name="{name}">' for name in modules]
        lines += [
            '<server name="irc.example.test" description="test server" network="TestNet">',
            '<admin name="test" email="test@example.test">',
            f'<bind address="{self.host}" port="{self.port}" type="clients">',
            f'<pid file="{self.directory}/inspircd.pid">',
            f'<files motd="{self.directory}/motd">',
            self._connect(),
            '<class name="none"><type name="none" classes="none">',
            '<options prefixquit="Quit: " casemapping="rfc1459" syntaxhints="no">',
            '<performance softlimit="20000" somaxconn="1024">',
            '<security announceinvites="dynamic" hideserver="">',
            '<dns timeout="1">',
            '<whowas groupsize="0" maxgroups="0">',
        ]
        if self.tls:
            cert, key = (self._own(path) for path in self.tls)
            lines += [
                f'<sslprofile name="clients" provider="gnutls" certfile="{cert}" keyfile="{key}" hash="sha256"'
                ' requestclientcert="yes">',
                f'<bind address="{self.host}" port="{self.tls_port}" type="clients" sslprofile="clients">',
            ]
        if self.services:
            lines += [
                f'<bind address="{self.host}" port="{self.link_port}" type="servers">',
                f'<link name="{SERVICES_NAME}" ipaddr="127.0.0.1" port="{self.link_port}" allowmask="127.0.0.1"'
                f' sendpass="{LINK_PASSWORD}" recvpass="{LINK_PASSWORD}">',
                f'<uline server="{SERVICES_NAME}" silent="yes">',
                f'<sasl target="{SERVICES_NAME}" requiressl="no">',
            ]
        return "\n".join(lines) + "\n" + self.extra + "\n"

    def _own(self, path):
        """A copy that the server's user may read."""
        copy = self.directory / Path(path).name
        shutil.copy(path, copy)
        if user_to_run_as(USER):
            shutil.chown(copy, USER)
        return copy

    def _connect(self):
        if self.flood_control:
            return '<connect name="main" allow="*" localmax="1000" globalmax="1000" resolvehostnames="no">'
        return (
            '<connect name="main" allow="*" localmax="20000" globalmax="20000" limit="20000" maxchans="10000" timeout="60"'
            ' fakelag="no" commandrate="100000000" threshold="100000" hardsendq="100M" softsendq="50M"'
            ' recvq="1M" pingfreq="120" resolvehostnames="no" useident="no" uniqueusername="no">'
        )
