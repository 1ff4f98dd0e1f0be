"""The judge is judged: each kind of damage must be seen."""
import os
import pathlib
import subprocess

import pytest

import conservation
from shunt import HERE, Manifest, expected_places, ticket


@pytest.fixture
def world(base):
    data, manifest = base / "data", Manifest()
    for name in ("a.json", "b.json"):
        body = ticket("RANK", "CELTRA", title=name)
        manifest.add("RANK", name, body, to=expected_places("RANK", "CELTRA"))
        for place in ["JSON_STORE/RANK", *expected_places("RANK", "CELTRA")]:
            (data / place).mkdir(parents=True, exist_ok=True)
            (data / place / name).write_bytes(body)
    manifest.add("RANK", "bad.json", b"{]", failed="invalid JSON")
    (data / "JSON_FAILED/RANK").mkdir(parents=True)
    (data / "JSON_FAILED/RANK/20260206_153046_bad.json").write_bytes(b"{]")
    (data / "JSON_FAILED/RANK/20260206_153046_bad.json.reason.txt").write_text("invalid JSON at line 1\n")
    for folder in ("JSON/RANK", "underprocess/0/RANK"):
        (data / folder).mkdir(parents=True)
    return data, manifest, base


def judge(world):
    data, manifest, base = world
    manifest.save(base / "m")
    result = subprocess.run(["/usr/bin/python3", str(HERE / "conservation.py"), "--data", str(data), "--manifest", str(base / "m")],
                            stdout=subprocess.PIPE)
    found = conservation.Check(data, manifest.entries).run().found
    assert result.returncode == (1 if any(found.values()) else 0)
    return {kind: len(what) for kind, what in found.items() if what}


def test_a_whole_world_is_clean(world):
    assert judge(world) == {}


def move(a, b):
    def act(data):
        (data / b).parent.mkdir(parents=True, exist_ok=True)
        os.rename(data / a, data / b)
    return act


def write(path, body):
    return lambda data: pathlib.Path(data / path).write_bytes(body)


def copy(a, b):
    def act(data):
        (data / b).parent.mkdir(parents=True, exist_ok=True)
        (data / b).write_bytes((data / a).read_bytes())
    return act


RANK = "SYNC/MAKE/Monday Rank"
DAMAGE = [
    (lambda d: (d / RANK / "a.json").unlink(), {"lost": 1}),
    (lambda d: (d / "JSON_STORE/RANK/a.json").unlink(), {"lost": 1}),
    (write(RANK + "/a.json", b'{"Job'), {"corrupt": 1}),
    (write("JSON_STORE/RANK/a.json", b""), {"corrupt": 1}),
    (copy(RANK + "/a.json", RANK + "/a (RANK).json"), {"duplicated": 1}),
    (copy(RANK + "/a.json", "JSON_STORE/RANK/a.v-0123456789ab.json"), {"duplicated": 1}),
    (copy(RANK + "/a.json", "SYNC/MAKE/Monday RB/a.json"), {"misplaced": 1}),
    (move(RANK + "/a.json", "SYNC/MAKE/Monday RB/a.json"), {"lost": 1, "misplaced": 1}),
    (copy(RANK + "/a.json", "JSON_FAILED/RANK/20260206_153046_a.json"), {"misplaced": 1}),
    (copy(RANK + "/a.json", "JSON/RANK/a.json"), {"unfinished": 1}),
    (copy(RANK + "/a.json", "underprocess/0/RANK/a.json"), {"unfinished": 1}),
    (write(RANK + "/.shunt-0123.tmp", b""), {"temporary": 1}),
    (write(RANK + "/stranger.json", b"1"), {"extra": 1}),
    (write("JSON_FAILED/RANK/20260206_153046_bad.json", b""), {"lost": 1, "extra": 2}),
    (lambda d: (d / "JSON_FAILED/RANK/20260206_153046_bad.json.reason.txt").unlink(), {"reasonless": 1}),
    (write("JSON_FAILED/RANK/20260206_153046_bad.json.reason.txt", b"whatever"), {"reasonless": 1}),
]


@pytest.mark.parametrize("number", range(len(DAMAGE)))
def test_damage_is_seen(world, number):
    damage, expected = DAMAGE[number]
    damage(world[0])
    assert judge(world) == expected
