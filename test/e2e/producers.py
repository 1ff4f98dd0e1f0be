"""Programs that write into hot folders, as they really are. Each writes `data` under `path` in its own manner, in the calling thread."""
import os
import threading
import time


def pause(seconds):
    """A producer takes its time; this is no waiting of the test's."""
    time.sleep(seconds)


def atomic_rename(path, data):
    temp = os.path.join(os.path.dirname(path), ".%s.%d.tmp" % (os.path.basename(path)[:100], threading.get_ident() % 10000))
    with open(temp, "wb") as f:
        f.write(data)
    os.rename(temp, path)


def visible_temporary(path, data):
    with open(path + ".part", "wb") as f:
        f.write(data[:len(data) // 2])
        f.flush()
        pause(0.02)
        f.write(data[len(data) // 2:])
    os.rename(path + ".part", path)


def plain_write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def slow_chunks(path, data, late=b"", wait=0.15):
    size = max(1, len(data) // 5)
    with open(path, "wb", buffering=0) as f:
        for at in range(0, len(data), size):
            f.write(data[at:at + size])
            pause(0.02)
        if late:
            pause(wait)
            f.write(late)


def create_then_write(path, data):
    """Finder, Samba: an empty file is made and closed, then opened and filled."""
    open(path, "wb").close()
    pause(0.05)
    with open(path, "r+b") as f:
        f.write(data)


def create_then_append_reopening(path, data):
    """A writer that opens and closes for every part."""
    third = max(1, len(data) // 3)
    for at in range(0, len(data), third):
        with open(path, "ab") as f:
            f.write(data[at:at + third])
        pause(0.05)


def presized(path, data):
    with open(path, "wb", buffering=0) as f:
        f.truncate(len(data))
        pause(0.05)
        f.write(data)


def rewrite_in_place(path, data):
    with open(path, "wb", buffering=0) as f:
        f.write(b'{"JobSpecification": {"JobDetails": {')
        pause(0.03)
        f.seek(0)
        f.truncate()
        f.write(data[:len(data) // 2])
        pause(0.03)
        f.write(data[len(data) // 2:])


def link_and_unlink(path, data):
    temp = os.path.join(os.path.dirname(path), ".l" + os.path.basename(path)[:100])
    with open(temp, "wb") as f:
        f.write(data)
    os.link(temp, path)
    os.unlink(temp)


def old_mtime(path, data):
    atomic = path + ".tmp"
    with open(atomic, "wb") as f:
        f.write(data)
    os.utime(atomic, (86400, 86400))
    os.rename(atomic, path)


def future_mtime(path, data):
    with open(path, "wb") as f:
        f.write(data)
        f.flush()
        os.utime(path, (4e9, 4e9))


def memory_mapped(path, data):
    import mmap
    with open(path, "w+b") as f:
        f.truncate(len(data))
        with mmap.mmap(f.fileno(), len(data)) as m:
            m[:] = data
            m.flush()


ALL = [atomic_rename, visible_temporary, plain_write, slow_chunks, create_then_write, create_then_append_reopening, presized, rewrite_in_place,
       link_and_unlink, old_mtime, future_mtime, memory_mapped]
