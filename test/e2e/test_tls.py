"""TLS by certificate files: curl as the client, which believes one certificate and no other."""
import json
import os
import re
import socket
import ssl
import subprocess
import time

import pytest

from control import Control
from shunt import SCALE, holds_for, ticket, wait_for
from test_access import ANY_PORT, PASSWORD, Access


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def make_certificate(folder, name=""):
    certificate, key = folder / (name + "cert.pem"), folder / (name + "key.pem")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    key.chmod(0o600)
    return certificate, key


class Curl:
    def __init__(self, site, token=None):
        told = site.wait_event("http")[-1]["msg"]
        self.url, self.port = re.search(r"(https://127\.0\.0\.1:(\d+))/$", told).groups()
        self.certificate, self.token = site.data / "cert.pem", token

    def command(self, target, *args):
        token = ["-H", "Authorization: Bearer " + self.token] if self.token else []
        return ["curl", "-sS", "--cacert", str(self.certificate), "--max-time", str(int(20 * SCALE)), *token, *map(str, args), self.url + target]

    def __call__(self, target, *args):
        """Status, headers, body."""
        done = subprocess.run(self.command(target, "-i", *args), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr.decode()
        answer = re.sub(rb"\AHTTP/1.1 100 Continue\r\n\r\n", b"", done.stdout)
        head, body = answer.split(b"\r\n\r\n", 1)
        return int(head.split()[1]), head.decode(), body


@pytest.fixture
def secure(make_site):
    site = make_site({"http.listen": ANY_PORT, "http.certificate": "cert.pem", "http.key": "key.pem"})
    make_certificate(site.data)
    site.others += ["cert.pem", "key.pem"]
    return site


def test_the_api_and_the_page_are_had_over_tls_and_by_nothing_else(secure):
    secure.start()
    curl = Curl(secure)
    status, head, body = curl("/api/v1/me")
    assert status == 200 and json.loads(body)["role"] == "operate"
    status, head, body = curl("/", "-H", "Accept: text/html")
    assert status == 200 and b"<html" in body
    assert curl("/api/v1/status", "--compressed")[0] == 200
    plain = subprocess.run(["curl", "-sS", "--max-time", "10", curl.url.replace("https", "http") + "/api/v1/me"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert plain.returncode != 0 and not plain.stdout
    unknown = subprocess.run(["curl", "-sS", "--max-time", "10", curl.url + "/api/v1/me"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert unknown.returncode == 60, "a certificate that nobody vouches for"
    assert Control(secure).get("/status")["health"] == "running", "the control socket speaks as before"
    secure.drop("RANK", "x.json")
    secure.finish()


@pytest.mark.parametrize("version, fine", [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_old_versions_are_refused(secure, version, fine):
    secure.start()
    context = ssl.create_default_context(cafile=secure.data / "cert.pem")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    with socket.create_connection(("127.0.0.1", int(Curl(secure).port)), 10) as plain:
        if fine:
            with context.wrap_socket(plain, server_hostname="localhost") as s:
                assert s.version() == version.replace("_", ".")
        else:
            with pytest.raises((ssl.SSLError, OSError)):
                context.wrap_socket(plain, server_hostname="localhost")


def test_large_bodies_go_both_ways(secure):
    secure.folder("RANK")
    secure.start()
    data = ticket("RANK", title="x" * 8_000_000)
    (secure.staging / "large.json").write_bytes(data)
    curl = Curl(secure)
    assert curl("/upload/RANK?name=large.json", "--data-binary", "@%s" % (secure.staging / "large.json"))[0] == 201
    secure.expect("RANK", "large.json", data)
    for i in range(60):
        secure.drop("RANK", "n%d.json" % i)
    secure.wait_ended()
    wait_for(lambda: len(json.loads(curl("/api/v1/jobs?limit=1000")[2])["jobs"]) == 61, "all are listed")
    many = subprocess.run(curl.command("/api/v1/jobs?limit=[1-40]"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # one connection
    assert many.returncode == 0 and many.stdout.count(b"next") == 40, many.stderr
    secure.finish()


def test_events_come_at_once_over_tls(secure):
    secure.start()
    stream = subprocess.Popen(Curl(secure).command("/api/v1/events", "-N"), stdout=subprocess.PIPE, bufsize=0)
    try:
        heard = b""
        while b"event: status" not in heard:
            heard += stream.stdout.read(4096)
        for i in range(20):
            secure.drop("RANK", "x%d.json" % i)
            while b"x%d.json" % i not in heard:
                got = stream.stdout.read(4096)
                assert got, heard
                heard += got
    finally:
        stream.kill()
        stream.wait()
        stream.stdout.close()
    secure.finish()


def test_the_sessions_cookie_is_for_tls_only(secure):
    access = Access(secure)
    access.password("anna", "operate")
    access.write()
    secure.others.append("access")
    secure.write_settings(http__access="access")
    secure.start()
    curl = Curl(secure)
    assert curl("/api/v1/me")[0] == 200 and json.loads(curl("/api/v1/me")[2])["name"] is None
    status, head, _ = curl("/login", "--data-urlencode", "name=anna", "--data-urlencode", "password=" + PASSWORD)
    assert status == 303
    cookie = re.search(r"(?mi)^set-cookie: (.*)$", head).group(1)
    assert "; Secure" in cookie and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert json.loads(curl("/api/v1/me", "-H", "Cookie: " + cookie.split(";")[0])[2])["name"] == "anna"


def processor_seconds(process):
    fields = open("/proc/%d/stat" % process.pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("says", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 70000])
def test_who_begins_and_does_not_go_on_holds_up_nobody(secure, says):
    secure.start()
    curl = Curl(secure)
    waiting = [socket.create_connection(("127.0.0.1", int(curl.port)), 10) for _ in range(50)]
    for s in waiting[:20]:
        try:
            s.sendall(says)
        except OSError:
            pass  # it was refused
    before, began = processor_seconds(secure.process), time.monotonic()
    for i in range(5):
        assert curl("/healthz")[0] == 200
        secure.drop("RANK", "x%d.json" % i)
    secure.wait_ended(5)
    now_idle = processor_seconds(secure.process)
    holds_for(lambda: processor_seconds(secure.process) - now_idle < 0.4, "it turns round and round", 1)
    used = processor_seconds(secure.process) - before
    assert used < 0.4 * (time.monotonic() - began), "it turns round and round: %.2f s" % used
    secure.finish()
    for s in waiting:
        s.close()


def test_tls_does_not_replace_a_token(secure):
    secure.write_settings(http__listen="0.0.0.0:0")
    refused = secure.command("run")
    assert refused.returncode == 2 and b"[http] access must name who may come in" in refused.stdout


def break_it(folder, how):
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if how == "missing":
        certificate.unlink()
    elif how == "no key file":
        key.unlink()
    elif how == "others":
        make_certificate(folder, "other-")[1].rename(key)
    elif how == "readable":
        key.chmod(0o644)
    elif how == "no certificate":
        certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    elif how == "no key":
        key.write_text("certainly no key\n")
        key.chmod(0o600)
    elif how == "password":
        openssl("ec", "-in", key, "-out", folder / "locked.pem", "-aes256", "-passout", "pass:x")
        (folder / "locked.pem").rename(key)
        key.chmod(0o600)


@pytest.mark.parametrize("how, file, text", [
    ("missing", "cert.pem", "No such file"),
    ("no key file", "key.pem", "No such file"),
    ("others", "key.pem", "do not belong together"),
    ("readable", "key.pem", "others may get at it"),
    ("no certificate", "cert.pem", "no certificate in PEM"),
    ("no key", "key.pem", "no private key in PEM"),
    ("password", "key.pem", "without a password"),
])
def test_what_is_wrong_with_the_files_is_told_before_anything_runs(secure, how, file, text):
    break_it(secure.data, how)
    for command in ("check", "run"):
        done = secure.command(command)
        told = (done.stdout + done.stderr).decode()
        assert done.returncode == 2 - (command == "check") and file in told and text in told, (command, done.returncode, told)


@pytest.mark.parametrize("missing, there", [("certificate", "key"), ("key", "certificate")])
def test_one_file_without_the_other_is_told(secure, missing, there):
    secure.settings.pop("http." + missing)
    secure.write_settings()
    told = secure.command("check")
    assert told.returncode == 1 and ("[http] %s: it needs [http] %s beside it" % (there, missing)).encode() in told.stdout + told.stderr, told
