"""Who may come in over TCP, and what comes in there at all."""
import socket

from control import Control
from shunt import holds_for, ticket, wait_for
from web import Client

ANY_PORT = "127.0.0.1:0"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# --- the address ---

def test_the_address_is_told_and_answers(make_site):
    site = make_site({"http.listen": ANY_PORT})
    site.start()
    reply = site.http().get("/api/v1/status")
    assert reply.status == 200 and reply.json["health"] == "running"


def test_an_address_of_ipv6(make_site):
    if not socket.has_ipv6:
        return
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
        site.drop("RANK", "a.json")
        site.wait_ended()
    site.wait_event("http", seconds=15)
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
