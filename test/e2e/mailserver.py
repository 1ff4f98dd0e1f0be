"""Mail servers on loopback: aiosmtpd, which does what a test says and keeps what it gets; exim, a real one."""
import asyncio
import email
import email.policy
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from shunt import SCALE, wait_for

USER, PASSWORD = "shunt", "hunter2-secret"


def certificate(folder):
    """A self-signed one for localhost: its file is what the client trusts."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "30", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    return cert, key


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Envelope:
    def __init__(self, envelope):
        self.sender, self.to = envelope.mail_from, list(envelope.rcpt_tos)
        self.raw = envelope.original_content
        self.mail = email.message_from_bytes(self.raw, policy=email.policy.default)


class Mailbox:
    """answers: what RCPT TO says to an address, as a list that is used up from its front; `data`: likewise the end of a mail."""

    def __init__(self, folder, starttls=True, auth=True, port=None):
        self.mails, self.answers, self.data, self.tries = [], {}, [], []
        self.port = port or free_port()
        self.gate = threading.Event()
        self.gate.set()
        self.cert, key = certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.cert, key)
        more = {"tls_context": context, "require_starttls": True} if starttls else {}
        if auth:
            more.update(authenticator=self.authenticate, auth_required=True, auth_require_tls=starttls)
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=20 * SCALE, enable_SMTPUTF8=False, **more)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.gate.set()
        if self.controller._thread:
            self.controller.stop()

    def authenticate(self, server, session, envelope, mechanism, data):
        right = mechanism in ("PLAIN", "LOGIN") and data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=right, handled=right)

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.tries.append(address)
        script = self.answers.get(address, [])
        answer = script.pop(0) if script else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        while not self.gate.is_set():
            await asyncio.sleep(0.02)
        answer = self.data.pop(0) if self.data else "250 taken"
        if answer.startswith("250"):
            self.mails.append(Envelope(envelope))
        return answer

    def wait(self, count=1, seconds=10):
        wait_for(lambda: len(self.mails) >= count, lambda: "%d mails, there are %d" % (count, len(self.mails)), seconds)
        return self.mails

    def settings(self, **more):
        settings = {"mail.server": "localhost:%d" % self.port, "mail.ca": str(self.cert), "mail.from": "Shunt <shunt@example.com>",
                    "mail.to": "ops@example.com", "mail.user": USER, "mail.pause": "200ms", "mail.timeout": "5s"}
        settings.update({"mail." + key: value for key, value in more.items()})
        return settings


class Silent:
    """Takes connections and says nothing."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


EXIM = """
exim_user = {user}
primary_hostname = localhost
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
pid_file_path = {dir}/exim.pid
tls_advertise_hosts = *
tls_certificate = {cert}
tls_privatekey = {key}
domainlist local_domains = example.com
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
never_users =
begin acl
check_mail:
  deny message = no STARTTLS, no mail
    !encrypted = *
  deny message = log in first
    !authenticated = *
  accept
check_rcpt:
  deny message = no such user here
    local_parts = nobody
  defer message = come back later
    local_parts = later
  accept domains = +local_domains
begin routers
local:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {dir}/mail
  maildir_format
  create_directory
  user = {user}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{name}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
"""


class Exim:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.cert, key = certificate(self.folder)
        for name in ("spool", "log", "mail"):
            (self.folder / name).mkdir()
        self.config = self.folder / "exim.conf"
        self.config.write_text(EXIM.format(user="Debian-exim", port=self.port, dir=self.folder, cert=self.cert, key=key, name=USER, password=PASSWORD))
        subprocess.run(["chown", "-R", "Debian-exim", str(self.folder)], check=True)
        os.chmod(self.folder, 0o755)
        subprocess.run(["chown", "root", str(self.config)], check=True)

    def __enter__(self):
        self.process = subprocess.Popen([shutil.which("exim4") or "/usr/sbin/exim4", "-C", str(self.config), "-bdf"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for(self.listens, "exim listens", 20)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.process.stderr.close()

    def listens(self):
        assert self.process.poll() is None, self.process.stderr.read().decode()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def mails(self):
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in sorted((self.folder / "mail" / "new").glob("*"))]
