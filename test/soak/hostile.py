"""A hot folder in which everything is wrong that can be, and moves: names are swapped for symbolic links while they are looked at, client
folders too. Nothing outside the tree is opened (inotify tells), changed or removed; what is a ticket is processed, the rest is left alone."""
import contextlib
import ctypes
import os
import random
import shutil
import socket
import stat
import struct
import threading
import time

from common import Report, agree, conserve, needs, ticket, world

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2
IN_ANYTHING = 0x00000FFF  # also opened, read, closed
SETTINGS = {"intake.scan_interval": "200ms", "intake.settle": "600ms", "retry.attempts": "1000", "delivery.breaker_pause": "50ms",
            "delivery.breaker_max": "200ms"}
SECONDS = 15


def exchange(one, other):
    """False where one of the two is not there at the moment."""
    if LIBC.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    error = ctypes.get_errno()
    if error != 2:
        raise OSError(error, os.strerror(error), str(one))
    return False


class Watch:
    """Everything that is done to some files and folders, by anybody."""

    def __init__(self, paths):
        self.fd = LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.names = {LIBC.inotify_add_watch(self.fd, os.fsencode(p), IN_ANYTHING): str(p) for p in paths}

    def events(self):
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                data, at = os.read(self.fd, 1 << 16), 0
                while at < len(data):
                    number, mask, _, length = struct.unpack_from("iIII", data, at)
                    name = data[at + 16:at + 16 + length].rstrip(b"\0").decode(errors="replace")
                    found.append("%s %s: %#x" % (self.names.get(number), name, mask))
                    at += 16 + length
        return found

    def close(self):
        os.close(self.fd)


class Swapper(threading.Thread):
    """Swaps pairs of names, each for the other, as fast as it can, until told to stop; ends with each in its first place."""

    def __init__(self, pairs, rng):
        super().__init__(daemon=True)
        self.pairs, self.rng, self.swaps, self.error = pairs, rng, 0, None
        self.turned = [False] * len(pairs)
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                i = self.rng.randrange(len(self.pairs))
                if exchange(*self.pairs[i]):
                    self.turned[i] = not self.turned[i]
                    self.swaps += 1
                if self.rng.random() < 0.05:
                    time.sleep(0.0005)
        except OSError as error:
            self.error = error

    def stop(self):
        self.stopping.set()
        self.join()
        assert not self.error, self.error
        for i, turned in enumerate(self.turned):
            if turned:
                exchange(*self.pairs[i])


NAMES = [b"new\nline.json", b"%n%s%x.json", b"inval\xff\xfeid.json", b"\x1b[31mred.json", b"tab\t.json", b"cut\xc3.json", b"c1\xc2\x9b31m.json",
         b"n" * 250 + b".json", "ü".encode() * 125 + b".json", b"-rf.json", b"a'b\"c`d$e.json", b"\\back\\slash.json", b"UPPER.JSON",
         b"{}[]*?.json", b"\r\n{\"event\":\"fake\"}.json"]


def put_names(site, turn):
    for i, raw in enumerate(NAMES):
        name, data = os.fsdecode(raw), ticket("RANK", title="%d %d" % (turn, i))
        try:
            raw.decode()
            fine = not any(c < " " or "\x7f" <= c < "\xa0" for c in name)
        except UnicodeDecodeError:
            fine = False
        if fine:
            site.drop("RANK", name, data=data)
        else:
            site.drop_bad("RANK", name, data, "name")


def put_what_is_no_ticket(site, folder, canary, as_root):
    """Left alone, each of them."""
    def leave(name):
        site.manifest.entries.append({"left": os.path.relpath(folder / name, site.data)})

    for name, target in {"link.json": canary, "dangling.json": "nothing", "zero.json": "/dev/zero", "loop.json": "loop.json", 
                         "up.json": "../../../outside/canary.json", "folderlink.json": canary.parent}.items():
        os.symlink(target, folder / name)
        leave(name)
    os.mkfifo(folder / "fifo.json")
    leave("fifo.json")
    if as_root:
        for name, kind, number in (("device.json", stat.S_IFCHR, os.makedev(1, 5)), ("block.json", stat.S_IFBLK, os.makedev(7, 255))):
            try:
                os.mknod(folder / name, kind | 0o666, number)
                leave(name)
            except PermissionError:
                pass  # a container
    (folder / "folder.json").mkdir()
    (folder / "folder.json" / "inner.json").write_bytes(ticket("RANK"))
    leave("folder.json/inner.json")
    server = socket.socket(socket.AF_UNIX)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    server.bind("/proc/self/fd/%d/socket.json" % fd)
    os.close(fd)
    server.close()
    leave("socket.json")


def as_nobody(site):
    copy = site.base / "shunt-copy"
    shutil.copy(site.bin, copy)
    copy.chmod(0o755)
    site.bin = copy
    for path in [site.data, *site.data.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o777 if path.is_dir() else 0o666)
    site.prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def put_unreadable(site):
    data, temp = ticket("RANK", title="unreadable"), site.staging / "secret"
    site.expect_failed("RANK", "unreadable.json", data, "may not be read")
    temp.write_bytes(data)
    temp.chmod(0)
    os.rename(temp, site.hot / "RANK" / "unreadable.json")


def make_pairs(site, folder, canary, count):
    """A ticket and a link to the canary; the link's other name is hidden, so that it is left alone for good."""
    pairs = []
    for i in range(count):
        name, data = "swap%d.json" % i, ticket("RANK", title="swap %d" % i)
        site.expect("RANK", name, data)
        hidden = folder / (".swap%d.link" % i)
        os.symlink(canary, hidden)
        site.manifest.entries.append({"left": os.path.relpath(hidden, site.data)})
        temp = site.staging / "pair"
        temp.write_bytes(data)
        temp.chmod(0o666)
        os.rename(temp, folder / name)
        pairs.append((folder / name, hidden))
    return pairs


def folder_pairs(site, outside):
    """Folders of clients that turn into links to a folder outside, and back."""
    pairs = []
    for root, client in ((site.hot, "SWAPPED"), (site.archive, "RANK"), (site.failed, "RANK"), (site.archive, "SWAPPED")):
        real, link = root / client, root / (".%s.link" % client)
        real.mkdir(parents=True, exist_ok=True)
        real.chmod(0o777)
        real.parent.chmod(0o777)
        os.symlink(outside, link)
        pairs.append((real, link))
    return pairs


def one_round(seed, seconds, as_root=True, said=None):
    needs(*([] if as_root else ["setpriv"]))
    with world(SETTINGS) as site:
        outside = site.base / "outside"
        outside.mkdir()
        canary, secret = outside / "canary.json", ticket("RANK", "CELTRA", title="canary")
        canary.write_bytes(secret)
        (outside / "x.json").write_bytes(ticket("SWAPPED", title="outside"))
        outside.chmod(0o777)
        before = {p.name: (p.read_bytes(), p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_nlink) for p in outside.iterdir()}
        folder = site.folder("RANK")
        folders = folder_pairs(site, outside)
        put_what_is_no_ticket(site, folder, canary, as_root)
        if not as_root:
            as_nobody(site)
        pairs = make_pairs(site, folder, canary, 40)
        watch = Watch([outside, canary, outside / "x.json"])
        swappers = [Swapper(pairs[:20], random.Random(seed)), Swapper(pairs[20:], random.Random(seed + 1)), Swapper(folders, random.Random(seed + 2))]
        for swapper in swappers:
            swapper.start()
        process = site.start()
        put_names(site, 0)
        if not as_root:
            put_unreadable(site)
        end, i = time.monotonic() + seconds, 0
        linked = outside.parent / "linked.json"
        while time.monotonic() < end:
            assert process.alive(), "it ended by itself: " + process.stderr()
            drop_into_swapped(site, "s%d.json" % i)
            site.drop("RANK", "plain%d.json" % i, "CELTRA")
            site.drop_bad("RANK", "bad%d.json" % i, b'{"n": %d]' % i)
            if i % 10 == 0:  # its other name is used on outside
                data = ticket("RANK", title="linked %d" % i)
                linked.write_bytes(data)
                site.expect("RANK", "linked%d.json" % i, data)
                os.link(linked, folder / ("linked%d.json" % i))
                linked.unlink()
            i += 1
            time.sleep(0.01)
        for swapper in swappers:
            swapper.stop()
        read = watch.events()
        assert not read, "something outside was touched: %s" % read[:10]
        watch.close()
        clean_up(site, folders)
        after = {p.name: (p.read_bytes(), p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_nlink) for p in outside.iterdir()}
        assert after == before, "outside: %s, before: %s" % (sorted(after), sorted(before))
        expected = len([e for e in site.manifest.entries if "left" not in e])
        site.wait_ended(expected, seconds=30)
        assert not site.events("fake")
        for path in site.failed.rglob("*"):
            assert path.name.isprintable(), path
        site.stop(seconds=60)
        conserve(site)
        agree(site)
        if said is not None:
            said += ["%d swaps" % sum(s.swaps for s in swappers), "%d tickets" % expected]


def drop_into_swapped(site, name):
    """Into a client's folder that may be a link at the moment: by its descriptor, so that it is never dropped outside."""
    temp, data = site.staging / "swapped", ticket("SWAPPED", title=name)
    temp.write_bytes(data)
    temp.chmod(0o666)
    try:
        fd = os.open(site.hot / "SWAPPED", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    site.expect("SWAPPED", name, data)
    os.rename(temp, name, dst_dir_fd=fd)
    os.close(fd)


def clean_up(site, folders):
    for _, link in folders:
        assert link.is_symlink(), "%s is gone" % link
        link.unlink()


def soak(args):
    report = Report("hostile")
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(10 ** 6)
    for i in range(args.rounds or 6):
        as_root = i % 2 == 0
        with report.round("%s, --seed %d" % ("as root" if as_root else "as another user", seed + i)) as said:
            one_round(seed + i, SECONDS, as_root, said)
    return report
