"""The control socket as a program sees it, and rows for the store as the service would write them."""
import http.client
import json
import socket
import sqlite3
import time
import uuid

STATUS = ("pending", "processing", "completed", "failed", "cancelled")


class Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("shunt", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, status, type, body):
        self.status, self.type, self.body = status, type, body
        self.json = json.loads(body) if body and "json" in type else None

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:2000])


def ask(path, method, target, body=None, timeout=60):
    connection = Connection(path, timeout)
    try:
        data = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, target, body=data)
        response = connection.getresponse()
        return Reply(response.status, response.headers.get("Content-Type", ""), response.read())
    finally:
        connection.close()


class Control:
    def __init__(self, site, name="shunt.sock"):
        self.path = site.data / name

    def get(self, target):
        reply = ask(self.path, "GET", "/api/v1" + target)
        assert reply.status == 200, reply
        return reply.json

    def post(self, target, body=None, status=200):
        reply = ask(self.path, "POST", "/api/v1" + target, body)
        assert reply.status == status, reply
        return reply.json

    def problem(self, method, target, body=None):
        reply = ask(self.path, method, target if target.startswith("/api") else "/api/v1" + target, body)
        assert reply.status >= 400 and reply.type == "application/problem+json", reply
        assert reply.json["status"] == reply.status, reply
        return reply.status, reply.json["detail"]

    def destination(self, name):
        return next(d for d in self.get("/destinations")["destinations"] if d["name"] == name)


def add_job(site, status, folder, name, path=None, client=None, error=None, destinations=(), created_ms=None):
    """A row, as the service writes it; -> its id."""
    now = created_ms or int(time.time() * 1000)
    id = str(uuid.uuid4())
    db = sqlite3.connect(site.data / "shunt.db", timeout=20)
    with db:
        db.execute("BEGIN IMMEDIATE")
        row, = db.execute("SELECT next_row FROM totals").fetchone()
        db.execute("INSERT INTO processing_jobs (row, id, status, created_at, client, category, folder, name, title, error_message, source, phase,"
                   " path, size, device, inode, mtime_ns, retry_count, crashes, started_at, completed_at, events)"
                   " VALUES (?, ?, ?, ?, ?, 'PRODUCTION', ?, ?, 'A title', ?, 'ticket', 'REALTIME', ?, 10, 1, 1, 1, 0, 0, ?, ?, '[]')",
                   (row, id, STATUS.index(status), now, client or folder, folder, name, error, path and str(path), now, now))
        for n, destination in enumerate(destinations):
            db.execute("INSERT INTO deliveries (job, n, destination, label, state, attempts) VALUES (?, ?, ?, ?, 3, 0)", (row, n, destination, destination))
        words = [(0, client or folder), (1, "PRODUCTION")] + [(2, d) for d in destinations]
        for kind, word in words:
            db.execute("INSERT OR IGNORE INTO block_words VALUES (?, ?, ?)", (row >> 10, kind, word.lower()))
        db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?) ON CONFLICT (block) DO UPDATE SET last_at = max(last_at, excluded.last_at),"
                   " first_at = min(first_at, excluded.first_at)", (row >> 10, now, now, now))
        db.execute("UPDATE totals SET next_row = next_row + 1, %s = %s + 1" % (status, status))
    db.close()
    return id


def set_aside(site, client, name, data, stamp="20260206_153046"):
    """A ticket in the failed folder with its reason; -> its path."""
    folder = site.failed / client
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("%s_%s" % (stamp, name))
    path.write_bytes(data)
    path.with_name(path.name + ".reason.txt").write_text("why\n")
    return path
