"""What the operator's commands talk to: the control socket, one that answers as a test wants it to, and the store's jobs, read and written."""
import contextlib
import http.client
import http.server
import json
import socket
import socketserver
import sqlite3
import threading
import time
import uuid

from shunt import TOP

# --- the control socket, as a program sees it ---


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


# --- a service that answers on it as a test wants it to, and remembers what it was asked ---


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "socket"

    def log_message(self, *_):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.server.asked.append((self.command, self.path, body))
        status, answer = self.server.answers(self.command, self.path, body)
        kind = "application/problem+json" if status >= 400 else "application/json"
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer


class Service(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path, answers):
        """answers(method, target, body) -> (status, document)"""
        super().__init__(str(path), Handler)
        self.answers, self.asked = answers, []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def get_request(self):
        request, _ = super().get_request()
        return request, ("socket", 0)

    def close(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


def problem(status, detail):
    return status, {"type": "about:blank", "title": "x", "status": status, "detail": detail}


# --- the store ---

APPLICATION_ID = 0x73687574
STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
STATES = ("queued", "active", "waiting", "done", "failed")
PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED = range(5)
WAITING, DONE = 2, 3


def rows(site, where="1", *values):
    """Jobs as the store has them, oldest first, each with its deliveries by name and its events."""
    db = sqlite3.connect("file:%s?mode=ro" % (site.data / "shunt.db"), uri=True, timeout=20)
    db.row_factory = sqlite3.Row
    with contextlib.closing(db):
        found = [dict(row) for row in db.execute("SELECT * FROM processing_jobs WHERE %s ORDER BY row" % where, values)]
        for job in found:
            job["deliveries"] = {d["destination"]: dict(d) for d in db.execute("SELECT * FROM deliveries WHERE job = ?", (job["row"],))}
            job["events"] = json.loads(job["events"])
            job["story"] = [event[1] for event in job["events"]]
        return found


@contextlib.contextmanager
def locked(site):
    """Another process has the store for itself."""
    other = sqlite3.connect(site.data / "shunt.db", isolation_level=None, timeout=20)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


class Records:
    """Adds jobs as the service writes them; where there is no store, it is made by the program's own migrations."""

    def __init__(self, path):
        self.db = sqlite3.connect(path, timeout=20, isolation_level=None)
        if not self.db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'totals'").fetchone():
            self.make()

    def make(self):
        self.db.execute("PRAGMA journal_mode = WAL")
        migrations = sorted((TOP / "src" / "store" / "migrations").glob("*.sql"))
        for migration in migrations:
            self.db.executescript(migration.read_text())
        self.db.execute("PRAGMA application_id = %d" % APPLICATION_ID)
        self.db.execute("PRAGMA user_version = %d" % len(migrations))

    def add(self, file, client="RANK", status="completed", at=1790000000000, category="CELTRA", title="A title", error=None, sha256=None, deliveries=(),
            events=(), path=None, folder=None, retries=0, size=80, ident=None):
        """deliveries: (destination, label, state, final name, error); events: [at, event, destination, text]. Returns the id."""
        number, ended = STATUSES.index(status), status in ("completed", "failed", "cancelled")
        self.db.execute("BEGIN IMMEDIATE")
        row, = self.db.execute("SELECT next_row FROM totals").fetchone()
        ident = ident or "01990000-%04x-7%03x-8000-%012x" % (row >> 12, row & 0xfff, row)
        self.db.execute(
            "INSERT INTO processing_jobs (row, id, status, created_at, client, category, folder, name, title, error_message, source, phase, path, size, sha256,"
            " device, inode, mtime_ns, retry_count, crashes, started_at, completed_at, events) VALUES (?,?,?,?,?,?,?,?,?,?,'ticket','REALTIME',?,?,?,1,1,1,?,0,?,?,?)",
            (row, ident, number, at, client, category, client if folder is None else folder, file, title, error, path, size, sha256, retries, at + 1,
             at + 40 if ended else None, json.dumps(list(events), ensure_ascii=False)))
        for n, (destination, label, state, final, why) in enumerate(deliveries):
            self.db.execute("INSERT INTO deliveries VALUES (?,?,?,?,?,?,NULL,?,?,?)",
                            (row, n, destination, label, STATES.index(state), 1 if why else 0, at + 20 if state == "done" else None, final, why))
        block = row >> 10
        self.db.execute("INSERT INTO blocks VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET first_at = min(first_at, excluded.first_at),"
                        " last_at = max(last_at, excluded.last_at), completed_at = max(completed_at, excluded.completed_at)",
                        (block, at, at, at + 40 if status == "completed" else 0))
        words = [(0, client), (1, category)] + [(2, d[0]) for d in deliveries]
        for kind, word in words:
            if word is not None:
                self.db.execute("INSERT OR IGNORE INTO block_words VALUES (?,?,?)", (block, kind, word.lower()))
        self.db.execute("UPDATE totals SET %s = %s + 1, next_row = ?" % (status, status), (row + 1,))
        self.db.execute("COMMIT")
        return ident

    def close(self):
        self.db.close()


def add_job(site, status, folder, name, path=None, client=None, error=None, destinations=(), created_ms=None):
    """A job of today, beside a service that runs; -> its id."""
    with contextlib.closing(Records(site.data / "shunt.db")) as records:
        return records.add(name, client or folder, status, created_ms or int(time.time() * 1000), "PRODUCTION", error=error, path=path and str(path),
                           folder=folder, deliveries=[(d, d, "done", None, None) for d in destinations], ident=str(uuid.uuid4()))


def set_aside(site, client, name, data, stamp="20260206_153046"):
    """A ticket in the failed folder with its reason; -> its path."""
    folder = site.failed / client
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ("%s_%s" % (stamp, name))
    path.write_bytes(data)
    path.with_name(path.name + ".reason.txt").write_text("why\n")
    return path
