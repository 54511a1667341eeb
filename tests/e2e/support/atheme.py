# SPDX-License-Identifier: Apache-2.0
"""Atheme services (NickServ, SASL) linked to an InspIRCd fixture that was made with services=True."""

import xmlrpc.client
from pathlib import Path

from .inspircd import LINK_PASSWORD, SERVICES_NAME, USER
from .irc_client import IrcClient
from .ports import free_port
from .process import Process, scratch_for
from .server import Server

_MODULES = """
    protocol/inspircd backend/opensex crypto/pbkdf2v2 nickserv/main nickserv/identify nickserv/register
    nickserv/info nickserv/logout nickserv/set_core nickserv/cert saslserv/main saslserv/plain saslserv/external
    saslserv/authcookie misc/httpd transport/xmlrpc
""".split()


class Atheme(Server):
    def __init__(self, directory, ircd):
        self.directory = scratch_for(Path(directory), USER)
        self.ircd = ircd
        self.http_port = free_port()

    def start(self):
        """Starts it and waits until its NickServ is on the network."""
        config = self.directory / "atheme.conf"
        config.write_text(self._config())
        self.process = Process(
            "Atheme",
            ["/usr/bin/atheme-services", "-n", "-c", config, "-D", self.directory, "-p", self.directory / "pid",
             "-l", self.directory / "atheme.log"],
            self.directory / "output.log",
            cwd=self.directory,
            user=USER,
        )
        self.process.wait_ready(self._is_linked, 30)

    def register(self, account, password):
        """Registers an account with NickServ, as a network's web page does: over IRC a password cannot have spaces."""
        services = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{self.http_port}/xmlrpc")
        words = ("NickServ", "REGISTER", account, password, f"{account}@example.test")
        assert "is now registered" in services.atheme.command(".", ".", "127.0.0.1", *words)

    def _is_linked(self):
        with IrcClient(self.ircd.host, self.ircd.port, "linkprobe") as client:
            client.send("ISON NickServ")
            return "NickServ" in client.wait_for(lambda line: line.command == "303").params[-1]

    def _config(self):
        modules = "\n".join(f'loadmodule "modules/{name}";' for name in _MODULES)
        return f"""
{modules}
serverinfo {{
    name = "{SERVICES_NAME}";
    desc = "services";
    numeric = "00A";
    recontime = 1;
    netname = "TestNet";
    hidehostsuffix = "users.test";
    adminname = "test";
    adminemail = "test@example.test";
    registeremail = "noreply@example.test";
    mta = "/bin/true";
    loglevel = {{ error; info; }};
    maxlogins = 100;
    maxusers = 100;
    maxnicks = 100;
    maxchans = 100;
    emaillimit = 1000;
    emailtime = 1;
    auth = none;
    casemapping = rfc1459;
}};
uplink "irc.example.test" {{
    host = "127.0.0.1";
    port = {self.ircd.link_port};
    send_password = "{LINK_PASSWORD}";
    receive_password = "{LINK_PASSWORD}";
}};
general {{ flood_msgs = 0; ratelimit_uses = 10000; ratelimit_period = 1; vhost_change = 0; }};
httpd {{ host = "127.0.0.1"; port = {self.http_port}; www_root = "{self.directory}"; }};
nickserv {{ nick = "NickServ"; user = "NickServ"; host = "services.test"; real = "NickServ"; maxnicks = 10; }};
saslserv {{ nick = "SaslServ"; user = "SaslServ"; host = "services.test"; real = "SaslServ"; }};
"""
