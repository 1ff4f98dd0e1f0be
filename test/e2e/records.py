"""Jobs in a store that no service made: rows as the program's own migrations have them, for tests of what reads them."""
import json
import sqlite3

from shunt import TOP

APPLICATION_ID = 0x73687574
STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
STATES = ("queued", "active", "waiting", "done", "failed")


class Records:
    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.execute("PRAGMA journal_mode = WAL")
        migrations = sorted((TOP / "src" / "store" / "migrations").glob("*.sql"))
        for migration in migrations:
            self.db.executescript(migration.read_text())
        self.db.execute("PRAGMA application_id = %d" % APPLICATION_ID)
        self.db.execute("PRAGMA user_version = %d" % len(migrations))
        self.db.commit()
        self.row = 0

    def add(self, file, client="RANK", status="completed", at=1790000000000, category="CELTRA", title="A title", error=None, sha256=None, deliveries=(),
            events=(), path=None, folder=None, retries=0, size=80):
        """deliveries: (destination, label, state, final name, error); events: [at, event, destination, text]. Returns the id."""
        self.row += 1
        number, ended = STATUSES.index(status), status in ("completed", "failed", "cancelled")
        ident = "01990000-%04x-7%03x-8000-%012x" % (self.row >> 12, self.row & 0xfff, self.row)
        self.db.execute(
            "INSERT INTO processing_jobs (row, id, status, created_at, client, category, folder, name, title, error_message, source, phase, path, size, sha256,"
            " device, inode, mtime_ns, retry_count, crashes, started_at, completed_at, events) VALUES (?,?,?,?,?,?,?,?,?,?,'ticket','REALTIME',?,?,?,1,1,1,?,0,?,?,?)",
            (self.row, ident, number, at, client, category, client if folder is None else folder, file, title, error, path, size, sha256, retries, at + 1,
             at + 40 if ended else None, json.dumps(list(events), ensure_ascii=False)))
        for n, (destination, label, state, final, why) in enumerate(deliveries):
            self.db.execute("INSERT INTO deliveries VALUES (?,?,?,?,?,?,NULL,?,?,?)",
                            (self.row, n, destination, label, STATES.index(state), 1 if why else 0, at + 20 if state == "done" else None, final, why))
        block = self.row >> 10
        self.db.execute("INSERT INTO blocks VALUES (?,?,?,?) ON CONFLICT DO UPDATE SET first_at = min(first_at, excluded.first_at),"
                        " last_at = max(last_at, excluded.last_at), completed_at = max(completed_at, excluded.completed_at)",
                        (block, at, at, at + 40 if status == "completed" else 0))
        words = [(0, client), (1, category)] + [(2, d[0]) for d in deliveries]
        for kind, word in words:
            if word is not None:
                self.db.execute("INSERT OR IGNORE INTO block_words VALUES (?,?,?)", (block, kind, word.lower()))
        self.db.execute("UPDATE totals SET %s = %s + 1, next_row = ?" % (status, status), (self.row + 1,))
        self.db.commit()
        return ident

    def close(self):
        self.db.close()

