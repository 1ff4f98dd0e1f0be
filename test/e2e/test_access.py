"""Who may come in over TCP, and what comes in there at all."""
import gzip
import os
import pty
import re
import resource
import select
import signal
import socket
import time

import pytest

from control import Control
from shunt import BIN, SCALE, wait_for

ANY_PORT = "127.0.0.1:0"
PASSWORD = "corréct horse"
PAGE = "text/html,application/xhtml+xml"


def me(http):
    told = http.get("/api/v1/me").json
    return told["name"], told["role"], told["open"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Access:
    """The access file, as an operator makes it with `shunt token`."""

    def __init__(self, site):
        self.site, self.path, self.lines = site, site.data / "access", []

    def token(self, name, role):
        made = self.site.cli("token", name, role)
        assert made.returncode == 0, made
        self.lines.append(made.stdout.decode())
        return re.search(r"shown this once: (\S+)", made.stderr.decode()).group(1)

    def password(self, name, role, password=PASSWORD):
        made = self.site.cli("token", "--password", name, role, input=password.encode() + b"\n")
        assert made.returncode == 0 and not made.stderr, made
        self.lines.append(made.stdout.decode())

    def write(self, mode=0o640):
        self.path.write_text("# who may come in\n" + "".join(self.lines))
        self.path.chmod(mode)


class Guarded:
    """A running service with one token of each role and a password."""

    def __init__(self, make_site, **settings):
        self.site = make_site(dict({"http.listen": ANY_PORT, "http.access": "access", "log.level": "debug"}, **settings))
        self.access = Access(self.site)
        self.site.others.append("access")
        self.tokens = {role: self.access.token("the-" + role, role) for role in ("read", "submit", "operate")}
        self.access.password("anna", "operate")
        self.access.write()
        self.site.start()
        self.http = self.site.http()

    def as_(self, role):
        return self.http.as_(self.tokens[role])


@pytest.fixture
def guarded(make_site):
    return Guarded(make_site)


def log_in(http, name="anna", password=PASSWORD, **headers):
    return http.form("/login", {"name": name, "password": password}, **headers)


def whole_log(site):
    return b"\n".join(line for process in site.processes for line in process.read()) + (site.logs / "shunt.log").read_bytes()


# --- the address ---

def test_the_address_is_told_and_answers(make_site):
    site = make_site({"http.listen": ANY_PORT})
    site.start()
    reply = site.http().get("/api/v1/status")
    assert reply.status == 200 and reply.json["health"] == "running"


def test_an_address_of_ipv6(make_site):
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    site = make_site({"http.listen": "[::1]:0"})
    site.start()
    assert site.http().get("/api/v1/status").status == 200


def test_no_means_that_nothing_is_listened_on(make_site):
    site = make_site({"http.listen": "no"})
    site.start()
    assert not site.events("http") and not site.events("http_failed")


def test_an_address_that_is_taken_is_had_as_soon_as_it_is_free(make_site):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        site = make_site({"http.listen": "127.0.0.1:%d" % other.getsockname()[1]})
        site.start()
        warned = site.events("http_failed")
        assert len(warned) == 1 and warned[0]["level"] == "warn" and "in use" in warned[0]["error"]
        told = site.command("status")
        assert told.returncode == 0 and b"Degraded   there is no dashboard and no API on [http] listen (cannot listen on 127.0.0.1 port " in told.stdout
        site.drop("RANK", "a.json")
        site.wait_ended()
    site.wait_event("http", seconds=15)
    assert b"Degraded" not in site.command("status").stdout
    assert site.http().get("/api/v1/status").status == 200
    assert len(site.events("http_failed")) == 1
    site.stop()
    site.conserve()


def test_the_next_instance_takes_the_address_over(make_site):
    site = make_site({"http.listen": "127.0.0.1:%d" % free_port()})
    first = site.start()
    second = site.start()
    assert second.events("http_failed") and not second.events("http")
    first.stop()
    site.wait_event("http", seconds=15)
    assert site.http().get("/api/v1/status").status == 200


def test_a_stop_does_not_wait_for_an_address(make_site):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        site = make_site({"http.listen": "127.0.0.1:%d" % other.getsockname()[1]})
        site.start()
        site.stop(seconds=3)


# --- everybody on this machine ---

@pytest.fixture
def http(make_site):
    site = make_site({"http.listen": ANY_PORT})
    site.start()
    return site.http()


def test_where_nobody_is_named_this_machine_may_do_everything(http):
    assert http.get("/api/v1/status").status == 200
    assert http.post("/api/v1/scan").status == 202
    assert me(http) == ("loopback", "operate", True)
    assert http.get("/login").status == 303


def test_a_name_that_was_pointed_here_is_not_this_machine(http):
    for host in ("evil.example", "evil.example:%d" % http.port, "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3.4.5"):
        for method, target in (("GET", "/api/v1/status"), ("POST", "/api/v1/scan")):
            reply = http.request(method, target, headers={"Host": host})
            assert reply.status == 403 and "[http] access" in reply.json["detail"], (host, reply)
    for host in ("localhost", "LOCALHOST:80", "127.0.0.1:9", "[::1]:80"):
        assert http.request("GET", "/api/v1/status", headers={"Host": host}).status == 200, host


def test_a_proxy_does_not_make_others_this_machine(http):
    for header in ("X-Forwarded-For", "Forwarded"):
        reply = http.request("GET", "/api/v1/status", headers={header: "203.0.113.7"})
        assert reply.status == 403 and "proxy" in reply.json["detail"]


def test_another_address_is_refused_where_nobody_is_named(make_site):
    site = make_site({"http.listen": "0.0.0.0:0"})
    checked = site.command("check")
    assert checked.returncode == 1 and b"[http] access" in checked.stderr and b"SHUNT_HTTP_TOKEN" in checked.stderr
    run = site.command("run")
    assert run.returncode == 2 and b"[http] access" in run.stdout
    assert site.command("check", env={"SHUNT_HTTP_TOKEN": "x" * 19}).returncode == 1
    assert site.command("check", env={"SHUNT_HTTP_TOKEN": "x" * 20}).returncode == 0
    assert site.command("check", env={"SHUNT_HTTP_LISTEN": "no"}).returncode == 0


# --- tokens and roles ---

def test_each_role_may_do_what_it_is_for(guarded):
    asked = {("GET", "/api/v1/status"): ("read", "operate"), ("GET", "/api/v1/jobs"): ("read", "operate"),
             ("POST", "/api/v1/scan"): ("operate",), ("POST", "/api/v1/destinations/monday-rank/hold"): ("operate",),
             ("GET", "/api/v1/me"): ("read", "submit", "operate")}
    for (method, target), may in asked.items():
        for role in guarded.tokens:
            reply = guarded.as_(role).request(method, target)
            if role in may:
                assert reply.status in (200, 202), (role, target, reply)
            else:
                assert reply.status == 403 and role in reply.json["detail"] and "needs " in reply.json["detail"], (role, target, reply)
    assert me(guarded.as_("submit")) == ("the-submit", "submit", False)


def test_without_a_right_token_nobody_comes_in(guarded):
    token = guarded.tokens["read"]
    for wrong in (None, "", "Bearer", "Bearer ", "Bearer x" + token, "Bearer " + token[:-1], "Bearer " + token + "x", "Basic " + token, token):
        reply = guarded.http.request("GET", "/api/v1/status", headers={"Authorization": wrong})
        assert reply.status == 401 and reply.headers["WWW-Authenticate"].startswith("Bearer"), (wrong, reply)
        assert reply.type == "application/problem+json" and token not in reply.text
    assert guarded.http.request("GET", "/api/v1/status", headers={"Authorization": "bearer " + token}).status == 200
    assert guarded.http.get("/api/v1/status?token=" + token).status == 401
    assert me(guarded.http) == (None, None, False)


def test_a_browser_is_sent_to_the_form_and_a_program_is_not(guarded):
    reply = guarded.http.get("/api/v1/status", accept=PAGE)
    assert reply.status == 401
    reply = guarded.http.get("/login", accept=PAGE)
    assert reply.status == 200 and reply.type.startswith("text/html") and 'name="password"' in reply.text


def test_what_is_not_there_is_told_to_everybody(guarded):
    assert guarded.http.get("/no/such/thing").status == 404
    assert guarded.http.request("PUT", "/api/v1/status").status == 405


def test_the_token_of_the_environment_may_do_everything(make_site):
    site = make_site({"http.listen": ANY_PORT})
    site.env["SHUNT_HTTP_TOKEN"] = "a-token-from-the-environment"
    site.start()
    http = site.http()
    assert http.get("/api/v1/status").status == 401
    assert http.as_("a-token-from-the-environment").post("/api/v1/scan").status == 202
    assert not site.events("unknown_environment")
    assert b"a-token-from" not in site.command("check", "--print-config").stdout


def test_the_token_may_lie_in_a_file(make_site, base):
    site = make_site({"http.listen": ANY_PORT})
    (base / "secret").write_text("a-token-from-a-file-of-docker\n")
    site.env["SHUNT_HTTP_TOKEN_FILE"] = str(base / "secret")
    site.start()
    assert site.http("a-token-from-a-file-of-docker").get("/api/v1/status").status == 200


def test_who_did_it_stands_in_the_log(guarded):
    guarded.as_("operate").post("/api/v1/scan")
    assert "the-operate" in guarded.site.wait_event("scan_asked")[0]["msg"]
    said = guarded.site.wait_event("http_request", level="info")[0]
    assert said["msg"] == "POST /api/v1/scan: 202, for the-operate, 127.0.0.1"
    guarded.http.get("/api/v1/status?x=y")
    said = guarded.site.wait_event("http_request", level="debug")[-1]
    assert said["msg"] == "GET /api/v1/status: 401, for nobody, 127.0.0.1"


def test_a_body_of_who_may_not_is_not_read(guarded):
    with guarded.http.raw() as s:
        s.sendall(b"POST /api/v1/retry HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 401 ")


# --- logging in ---

def test_a_password_opens_a_session_and_logging_out_ends_it(guarded):
    http = guarded.http
    reply = log_in(http)
    assert reply.status == 303 and reply.headers["Location"] == "/", reply
    flags = {flag.strip() for flag in reply.headers["Set-Cookie"].split(";")[1:]}
    assert flags == {"Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"}
    assert me(http) == ("anna", "operate", False) and http.get("/api/v1/me").json["session"] is True
    assert http.request("GET", "/api/v1/status", headers={"Cookie": "a=b; %s; c=d" % http.cookie}).status == 200
    assert http.post("/api/v1/scan").status == 202
    cookie = http.cookie
    reply = http.post("/logout")
    assert reply.status == 303 and reply.headers["Location"] == "/login" and "Max-Age=0" in reply.headers["Set-Cookie"]
    assert http.request("GET", "/api/v1/status", headers={"Cookie": cookie}).status == 401


def test_a_token_opens_a_session_too(guarded):
    reply = guarded.http.form("/login", {"token": guarded.tokens["read"]})
    assert reply.status == 303
    assert guarded.http.get("/api/v1/status").status == 200
    assert guarded.http.post("/api/v1/scan").status == 403
    guarded.site.wait_event("login")


def test_behind_tls_the_cookie_is_for_tls_only(guarded):
    assert "; Secure" in log_in(guarded.http, x_forwarded_proto="https").headers["Set-Cookie"]


def test_a_wrong_log_in_is_told_to_people_and_programs(guarded):
    http = guarded.http
    for name, password in (("anna", PASSWORD + "x"), ("nobody", PASSWORD), ("the-read", guarded.tokens["read"]), ("", "")):
        reply = log_in(http, name, password)
        assert reply.status == 401 and reply.type == "application/problem+json" and not reply.headers["Set-Cookie"]
    reply = log_in(http, "anna", "<script>", accept=PAGE)
    assert reply.status == 401 and reply.type.startswith("text/html") and 'role="alert"' in reply.text and "<script" not in reply.text
    assert len(guarded.site.wait_event("login_failed", count=5, level="warn")) == 5


def test_a_form_without_its_fields_is_no_try(guarded):
    for fields in ({}, {"name": "anna"}, {"password": PASSWORD}):
        assert guarded.http.form("/login", fields).status == 400
    assert guarded.http.post("/login", b"\xff\x00=%zz").status == 400
    for _ in range(3):
        assert guarded.http.post("/login", b"x" * 5000).status == 413
    assert log_in(guarded.http).status == 303


def test_the_sixth_try_in_a_minute_waits(guarded):
    for _ in range(5):
        assert log_in(guarded.http, "anna", "wrong").status == 401
    for reply in (log_in(guarded.http), guarded.http.form("/login", {"token": guarded.tokens["operate"]})):
        assert reply.status == 429 and 0 < int(reply.headers["Retry-After"]) <= 60
    assert guarded.as_("read").get("/api/v1/status").status == 200  # a token needs no log-in
    assert not guarded.site.events("login")


def test_a_restart_ends_sessions(guarded):
    assert log_in(guarded.http).status == 303
    cookie = guarded.http.cookie
    guarded.site.stop()
    guarded.site.start()
    assert guarded.site.http().request("GET", "/api/v1/status", headers={"Cookie": cookie}).status == 401


def test_a_password_is_checked_while_routing_goes_on(guarded):
    site = guarded.site
    for n in range(20):
        site.drop("RANK", "t%d.json" % n)
    assert log_in(guarded.http).status == 303
    site.finish()


# --- pages of others ---

def test_another_sites_page_changes_nothing(guarded):
    http = guarded.http
    log_in(http)
    own = http.url
    foreign = ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
               {"Origin": own + ".evil.example"}, {"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "cross-site", "Origin": own})
    for headers in foreign:
        for target in ("/api/v1/scan", "/logout", "/login"):
            reply = http.request("POST", target, headers=headers)
            assert reply.status == 403 and "another site" in reply.json["detail"], (headers, reply)
        assert http.as_(guarded.tokens["operate"]).request("POST", "/api/v1/scan", headers=headers).status == 403
    ours = ({"Sec-Fetch-Site": "same-origin", "Origin": own}, {"Sec-Fetch-Site": "none"}, {"Origin": own}, {})
    for headers in ours:
        assert http.request("POST", "/api/v1/scan", headers=headers).status == 202, headers
    assert http.request("GET", "/api/v1/status", headers={"Sec-Fetch-Site": "cross-site"}).status == 200


def test_without_a_word_no_other_origin_may_read(guarded):
    reply = guarded.as_("read").request("GET", "/api/v1/status", headers={"Origin": "https://desk.example"})
    assert reply.status == 200 and not reply.headers["Access-Control-Allow-Origin"]
    assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    reply = guarded.http.request("OPTIONS", "/api/v1/scan", headers={"Origin": "https://desk.example", "Access-Control-Request-Method": "POST"})
    assert reply.status == 405 and not reply.headers["Access-Control-Allow-Origin"]


def test_an_origin_that_is_named_may_use_the_api(make_site):
    guarded = Guarded(make_site, **{"http.origins": "https://desk.example, http://other:8080"})
    theirs = {"Origin": "https://desk.example", "Sec-Fetch-Site": "cross-site"}
    asked = guarded.http.request("OPTIONS", "/api/v1/scan", headers=dict(theirs, **{"Access-Control-Request-Method": "POST"}))
    assert asked.status == 204 and asked.headers["Access-Control-Allow-Origin"] == "https://desk.example"
    assert {"Authorization", "Idempotency-Key"} <= set(asked.headers["Access-Control-Allow-Headers"].split(", ")) and "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert not asked.headers["Access-Control-Allow-Credentials"]
    reply = guarded.as_("operate").request("POST", "/api/v1/scan", headers=theirs)
    assert reply.status == 202 and reply.headers["Access-Control-Allow-Origin"] == "https://desk.example" and "Origin" in reply.headers.get_all("Vary")
    assert guarded.http.request("POST", "/api/v1/scan", headers=theirs).status == 401
    assert guarded.as_("operate").request("POST", "/api/v1/scan", headers={"Origin": "https://desk.example.evil"}).status == 403


# --- the access file ---

def test_a_reload_takes_the_file_over_and_ends_what_is_gone(guarded):
    site, access = guarded.site, guarded.access
    log_in(guarded.http)
    assert guarded.http.get("/api/v1/status").status == 200
    old = guarded.as_("read")
    access.lines = access.lines[2:3]
    new = guarded.http.as_(access.token("new", "read"))
    access.write()
    assert new.get("/api/v1/status").status == 401
    site.reload("access_reloaded")
    assert new.get("/api/v1/status").status == 200
    assert old.get("/api/v1/status").status == 401
    assert guarded.http.get("/api/v1/status").status == 401  # the session of a password that is gone
    assert guarded.as_("operate").get("/api/v1/status").status == 200


def test_a_file_with_a_mistake_changes_nothing(guarded):
    site, access = guarded.site, guarded.access
    for text, fault in (("", "nobody may come in"), ("the-read read sha256:12\n", "access:1: behind sha256:"), ("# x\nx admin y\n", "access:2: the role of x")):
        access.path.write_text(text)
        site.reload("access_refused")
        assert fault in site.events("reload_fault")[-1]["msg"]
        assert guarded.as_("read").get("/api/v1/status").status == 200
        checked = site.command("check")
        assert checked.returncode == 1 and fault.encode() in checked.stderr
    access.path.unlink()
    site.reload("access_refused")
    assert guarded.as_("read").get("/api/v1/status").status == 200


def test_a_file_that_others_may_read_is_refused(guarded):
    for mode in (0o644, 0o604, 0o660, 0o602):
        guarded.access.path.chmod(mode)
        checked = guarded.site.command("check")
        assert checked.returncode == 1 and b"chmod 0640" in checked.stderr, oct(mode)
    for mode in (0o600, 0o640, 0o400, 0o440):
        guarded.access.path.chmod(mode)
        assert guarded.site.command("check").returncode == 0, oct(mode)


def test_a_service_does_not_start_with_a_bad_file(make_site):
    site = make_site({"http.listen": ANY_PORT, "http.access": "access"})
    for text in (None, "nonsense\n"):
        if text:
            (site.data / "access").write_text(text)
            (site.data / "access").chmod(0o600)
        run = site.command("run")
        assert run.returncode == 2 and b"access" in run.stdout and b"not_started" in run.stdout


def test_the_control_socket_asks_for_no_token(guarded):
    assert Control(guarded.site).get("/status")["health"] == "running"
    assert guarded.site.command("status").returncode == 0
    assert guarded.site.command("hold", "monday-rank").returncode == 0


def test_no_secret_is_ever_told(guarded):
    site, http = guarded.site, guarded.http
    log_in(http)
    cookie = http.cookie.split("=")[1]
    log_in(http, "anna", "a-wrong-password")
    log_in(http, "typed-a-password-as-name", "x")
    told = b""
    for role in guarded.tokens:
        for target in ("/api/v1/status", "/api/v1/me", "/login", "/nothing"):
            told += guarded.as_(role).get(target).body + guarded.as_(role).get(target + "?token=" + guarded.tokens[role]).body
    http.get("/api/v1/status?password=a-wrong-password")
    site.reload("access_reloaded")
    site.process.send(signal.SIGUSR1)
    site.stop()
    told += whole_log(site) + (site.data / "shunt.db").read_bytes()
    for secret in list(guarded.tokens.values()) + [cookie, PASSWORD, "a-wrong-password", "typed-a-password-as-name"]:
        assert secret.encode() not in told, secret


# --- shunt token ---

def test_a_password_is_typed_twice_and_not_shown(make_site):
    site = make_site()

    def type_in(*lines, key=b"\n"):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(BIN, [str(BIN), "token", "--password", "anna", "read"], site.environment())
        seen, left = b"", list(lines)
        while True:
            ready = select.select([fd], [], [], 30 * SCALE)[0]
            assert ready, seen
            try:
                more = os.read(fd, 4096)
            except OSError:
                break
            if not more:
                break
            seen += more
            if left and seen.endswith(b": "):
                os.write(fd, left.pop(0).encode() + key)
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()

    code, seen = type_in("a good one", "a good one")
    assert code == 0 and "a good one" not in seen and "anna read $y$" in seen
    code, seen = type_in("a good one", "another one")
    assert code == 2 and "differ" in seen and "$y$" not in seen
    code, seen = type_in("a good one", key=b"\x03")  # Ctrl-C
    assert code == 2 and "a good one" not in seen


def test_what_token_does_not_take(make_site):
    site = make_site()
    for args, input in ((("token", "an na", "read"), None), (("token", "x" * 33, "read"), None), (("token", "anna", "admin"), None),
                        (("token", "--password", "anna", "read"), b""), (("token", "--password", "anna", "read"), b"short\n"),
                        (("token", "--password", "anna", "read"), b"x" * 600 + b"\n"), (("token", "--password", "anna", "read"), b"\xff" * 10 + b"\n")):
        made = site.cli(*args, input=input)
        assert made.returncode == 2 and not made.stdout and made.stderr, args


# --- what every answer carries ---

def test_every_answer_carries_what_keeps_browsers_safe(guarded):
    guarded.http.token = guarded.tokens["operate"]
    for method, target in (("GET", "/api/v1/status"), ("GET", "/login"), ("GET", "/nothing"), ("PUT", "/login"), ("POST", "/api/v1/scan"), ("POST", "/logout")):
        headers = guarded.http.request(method, target).headers
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "same-origin", target
        assert headers["Cache-Control"] == "no-store", target
        assert "default-src 'none'" in headers["Content-Security-Policy"] and "frame-ancestors 'none'" in headers["Content-Security-Policy"], target


def test_an_answer_that_is_had_already_is_not_sent_again(guarded):
    http = guarded.as_("read")
    first = http.get("/api/v1/destinations")
    assert first.status == 200 and first.headers["ETag"]
    again = http.get("/api/v1/destinations", if_none_match=first.headers["ETag"])
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == first.headers["ETag"]
    Control(guarded.site).post("/destinations/monday-rank/hold")
    assert http.get("/api/v1/destinations", if_none_match=first.headers["ETag"]).status == 200


def test_large_answers_are_gzipped(guarded):
    plain = guarded.as_("read").get("/api/v1/destinations")
    packed = guarded.as_("read").get("/api/v1/destinations", accept_encoding="gzip")
    assert len(plain.body) > 1024 and packed.headers["Content-Encoding"] == "gzip" and len(packed.body) < len(plain.body)
    assert gzip.decompress(packed.body) == plain.body


def test_head_is_get_without_a_body(guarded):
    get = guarded.as_("read").get("/api/v1/destinations")
    head = guarded.as_("read").request("HEAD", "/api/v1/destinations")
    assert head.status == 200 and head.body == b""
    assert head.headers["ETag"] == get.headers["ETag"] and head.headers["Content-Length"] == str(len(get.body))
    assert guarded.http.request("HEAD", "/api/v1/destinations").status == 401


# --- slow and many ---

def test_more_connections_than_there_is_room_for_leave_routing_and_the_socket_alone(guarded):
    site = guarded.site
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < 2000:
        pytest.skip("too few descriptors may be had here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    held = []
    try:
        for _ in range(1600):
            held.append(guarded.http.raw())
            held[-1].sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert Control(site).get("/status")["health"] == "running"
        site.drop("RANK", "a.json")
        site.wait_ended()
        waiting = guarded.as_("read")
        waiting.timeout = 1
        with pytest.raises(OSError):
            waiting.get("/api/v1/status")
    finally:
        for s in held:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert guarded.as_("read").get("/api/v1/status").status == 200
    site.stop()
    site.conserve()


def test_a_stop_does_not_wait_for_slow_clients(guarded):
    with guarded.http.raw() as a, guarded.http.raw() as b:
        a.sendall(b"GET /api/v1/st")
        b.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nname=")
        guarded.site.stop(seconds=3)


@pytest.mark.slow
def test_slow_headers_and_bodies_are_cut_in_half_a_minute(guarded):
    beginnings = (b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n")
    clients = [guarded.http.raw() for _ in beginnings]
    began = time.monotonic()
    for s, text in zip(clients, beginnings):
        s.sendall(text)
    left = list(clients)
    while left:
        assert time.monotonic() - began < 45 * SCALE
        for s in list(left):
            try:
                s.sendall(b"x")
            except OSError:
                left.remove(s)
        time.sleep(0.5)
    assert time.monotonic() - began > 20
    for s in clients:
        s.close()
    assert guarded.as_("read").get("/api/v1/status").status == 200
