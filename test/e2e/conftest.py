import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))
import shunt  # noqa: E402

PAGE_BROWSERS = 3


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds; left out by -m 'not slow'")
    if not shunt.BIN.exists():
        raise pytest.UsageError("there is no program at %s: build it, or name it in SHUNT_BIN" % shunt.BIN)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The tests of the page share a browser; one for all would be what the whole suite waits for at the end."""
    pages = [item for item in items if item.path.name == "test_page.py"]
    for n, item in enumerate(pages):
        item.add_marker(pytest.mark.xdist_group("page-%d" % (n * PAGE_BROWSERS // len(pages))))
    for item in items:
        if {"sysctl", "inotify_eater"} & set(item.fixturenames):
            item.add_marker("alone")
    # What takes long comes first, so that nobody waits for it alone at the end.
    items.sort(key=lambda item: not (item.path.name == "test_page.py" or item.get_closest_marker("slow")))


def pytest_report_header(config):
    return "shunt: %s (deadlines × %g)" % (shunt.BIN, shunt.SCALE)


def make_base(folder):
    path = pathlib.Path(tempfile.mkdtemp(prefix="shunt-e2e-", dir=folder))
    path.chmod(0o755)
    return path


@pytest.fixture
def base():
    """A folder for one test, on a disk as far as that can be chosen."""
    path = make_base(os.environ.get("SHUNT_E2E_DIR", "/var/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def memory_base():
    """For tests of many thousand files: in memory where there is room. ext4 makes files slowly where many were removed a minute ago."""
    folder = os.environ.get("SHUNT_E2E_DIR", "/var/tmp")
    if os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 1 << 30:
        folder = "/dev/shm"
    path = make_base(folder)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_site(base, memory_base):
    """make_site(settings={...}, routes=...) -> Site; at the end every process is stopped, and what it wrote is looked at."""
    sites = []

    def make(settings=None, routes=shunt.ROUTES, at=None):
        site = shunt.Site((at or base) / ("site%d" % len(sites)), settings, routes)
        sites.append(site)
        return site

    yield make
    errors = []
    for site in sites:
        try:
            site.close()
        except Exception as error:  # all are closed, the first is told
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def site(make_site):
    site = make_site()
    site.start()
    return site


def root_only(function):
    return pytest.mark.skipif(os.geteuid() != 0, reason="needs root")(function)


@pytest.fixture
def mounts():
    """mount(args..., at) -> path; unmounted at the end."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    made = []

    def mount(at, *args):
        at = pathlib.Path(at)
        at.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(["mount", *map(str, args), str(at)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode != 0:
            pytest.skip("cannot mount here: " + result.stdout.decode(errors="replace").strip())
        made.append(at)
        return at

    yield mount
    for at in reversed(made):
        subprocess.run(["umount", "-l", str(at)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def disk_image(path, kind, megabytes):
    """A file system of its own in a file, to be mounted with `-o loop`."""
    with open(path, "wb") as f:
        f.truncate(megabytes << 20)
    made = subprocess.run(["mkfs." + kind, "-q", "-F" if kind == "ext4" else "-f", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode != 0:
        pytest.skip("mkfs.%s: %s" % (kind, made.stdout.decode(errors="replace")))
    return path
