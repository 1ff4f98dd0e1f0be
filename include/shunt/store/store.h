/* store.h: where state outlives the process, behind one driver interface. All state that is not a file in a folder goes
 * through here.
 *
 * A driver is chosen by the URL's scheme: "sqlite:PATH" (embedded, the default), "memory:" (for tests).
 * Kept: every job with its deliveries and the events of its life; the running service's snapshot, one for each
 * instance; which ended jobs its statistics do not count yet; the statistics of each local day; alerts; messages to be
 * sent. Jobs are recorded whole and as often as they change: recording
 * the same again changes nothing, so that a batch whose outcome is not known is simply recorded again.
 *
 * Calls block: the service runs them in work requests, one at a time for each store (a lane of one), never on the loop
 * while it turns. A store opened STORE_READ may be used beside it, by another thread or process. Ownership: what is
 * passed in is borrowed for the call; json_t references that come out are the caller's. Times: milliseconds since the
 * epoch, UTC; 0: not (yet). Strings: UTF-8; NULL: not known. Thread: any, one call at a time for each store.
 *
 * Errors: ERR_CONFIG (unknown scheme, no such folder, a newer database than we know, another program's), ERR_BUSY
 * (locked by another for five seconds), ERR_NOSPACE, ERR_IO (also: the database was moved away under us), ERR_SYNTAX
 * (damaged: close it, and open it again, which sets it aside), ERR_NOMEM, ERR_READONLY. What failed has changed nothing.
 */
#ifndef SHUNT_STORE_STORE_H
#define SHUNT_STORE_STORE_H

#include <jansson.h>

#include "shunt/base/error.h"
#include "shunt/core/job.h"

#define STORE_HASH_SIZE 32 /* SHA-256 */

/* What people and other programs see of a job, as in installations that exist. */
enum job_status { STATUS_PENDING, STATUS_PROCESSING, STATUS_COMPLETED, STATUS_FAILED, STATUS_CANCELLED, JOB_STATUSES };
const char *job_status_word(enum job_status status); /* "pending" ... */
bool job_status_from(const char *word, enum job_status *out);

/* Which file a claimed ticket is: enough to know it again after a crash. */
struct store_claim {
    uint64_t device, inode;
    int64_t mtime_ns;
};

struct store_delivery {
    const char *destination; /* its name in routes.ini; the archive is "archive" */
    const char *label;       /* as people call it */
    enum delivery_state state;
    unsigned attempts;              /* that failed */
    int64_t next_ms, done_ms;       /* next try; delivered */
    const char *final_name, *error; /* error: of the last attempt that failed */
};

struct store_event {
    int64_t at_ms;
    const char *event;       /* "claimed", "delivered", "attempt_failed" ...: one word */
    const char *destination; /* NULL: of the job */
    const char *text;        /* for people */
};

struct store_job {
    const char *id;     /* UUID */
    const char *source; /* "ticket" */
    const char *phase;  /* how it was found: way_word */
    const char *folder; /* below hot, "" right in it */
    const char *name;   /* file name */
    const char *client, *category, *studio, *title;
    const char *path; /* where the ticket is now, absolute */
    uint64_t size;
    const uint8_t *sha256; /* NULL: not known */
    struct store_claim claim;
    enum job_status status;
    unsigned retries; /* failed attempts of all its deliveries */
    unsigned crashes; /* that it was in work in */
    int64_t created_ms, started_ms, completed_ms;
    const char *error;
    const char *batch;                       /* UUID of those that were sent together; NULL: none */
    const struct store_delivery *deliveries; /* all of them, in order, the archive's first */
    size_t n_deliveries;
    const struct store_event *events; /* new since it was last recorded; one that is there already is not added again.
                                       * Of very many the first and the newest stay */
    size_t n_events;
    unsigned instance; /* who counts it in his statistics of the day */
    uint64_t outcome;  /* its number among that instance's jobs that end; 0: it is not (yet) to be counted */
};

/* Where each text of a job or a delivery is, for who copies one: the value of an array of pointers. */
#define STORE_JOB_TEXTS(j)                                                                                             \
    {                                                                                                                  \
        &(j)->id, &(j)->source, &(j)->phase, &(j)->folder, &(j)->name, &(j)->client, &(j)->category, &(j)->studio,     \
            &(j)->title, &(j)->path, &(j)->error, &(j)->batch                                                          \
    }
#define STORE_DELIVERY_TEXTS(d)                                                                                        \
    {                                                                                                                  \
        &(d)->destination, &(d)->label, &(d)->final_name, &(d)->error                                                  \
    }

/* Which jobs; all that are set must hold. Newest first: in the order in which they were first recorded, whatever the
 * clock said. Case: of ASCII letters. */
struct store_filter {
    unsigned statuses;          /* bits 1 << enum job_status; 0: any */
    const char *client;         /* as routed; exactly, letters' case does not matter */
    const char *category;       /* likewise */
    const char *destination;    /* has a delivery there; exactly */
    const char *error;          /* part of its error, case does not matter */
    const char *text;           /* part of its name, title, id or error */
    const char *folder, *name;  /* exactly; NULL: any */
    const char *batch;          /* likewise */
    int64_t since_ms, until_ms; /* created from since on, before until; 0: open */
    const char *before;         /* a cursor from the page before; else ERR_USAGE */
    size_t limit;               /* 0: 50; at most 1000 */
};

enum store_mode {
    STORE_READ,
    STORE_WRITE,
    STORE_WRITE_UNFLUSHED, /* nothing is flushed: sound after a crash of the program, not after a power cut */
};

struct store_retention {
    int64_t before_ms;  /* finished jobs created before it go; 0: none */
    uint64_t keep_rows; /* at most so many jobs stay, the oldest finished go; 0: any number */
    size_t most;        /* jobs that one call removes at most */
};

/* What store_seen found. */
struct store_seen {
    char id[JOB_ID_SIZE];
    int64_t completed_ms; /* 0: nothing */
};

struct store_alert {
    const char *kind, *subject; /* "destination_down", the destination's name: one is open at a time for both */
    int64_t at_ms;
    const char *text;
};

/* The outbox: messages to the outside that are not sent yet, and those that were lately. */
enum outbox_state { OUTBOX_WAITING, OUTBOX_SENT, OUTBOX_FAILED, OUTBOX_EXPIRED, OUTBOX_STATES };
const char *outbox_state_word(enum outbox_state state); /* "waiting" ... */

struct store_message {
    const char *kind; /* "mail", "webhook" */
    const char *key;  /* unique */
    const json_t *document;
    int64_t created_ms, due_ms, expires_ms;
};

struct store_taking {
    unsigned instance; /* who takes them */
    int64_t now_ms, until_ms;
    size_t most;
};

struct store_sent { /* what became of a try */
    const char *key;
    unsigned attempt; /* as it was taken: where it was taken anew since, nothing is recorded */
    enum outbox_state state;
    int64_t at_ms;
    int64_t due_ms;    /* of OUTBOX_WAITING */
    const char *error; /* NULL: of OUTBOX_SENT none, else the one before */
    /* Takes the place of what is there; NULL: it stays. Of those that are ended only "subject" and "to" stay. */
    const json_t *document;
};

/* Called for each job, in no order; what it is given is borrowed for the call. Non-zero ends it and is returned. */
typedef int (*store_each_cb)(void *user, const struct store_job *job);

struct store;

struct store_driver {
    const char *scheme;
    int (*open)(struct store **out, const char *rest, const char *base, enum store_mode mode, struct error *e);
    void (*close)(struct store *s);
    int (*record)(struct store *s, const struct store_job *jobs, size_t count, struct error *e);
    int (*unfinished)(struct store *s, store_each_cb each, void *user, struct error *e);
    int (*find)(struct store *s, const char *id, store_each_cb each, void *user, struct error *e);
    int (*last)(struct store *s, const char *folder, const char *name, const struct store_claim *file,
                store_each_cb each, void *user, struct error *e);
    int (*seen)(struct store *s, const struct store_job *job, int64_t since_ms, struct store_seen *out,
                struct error *e);
    int (*list)(struct store *s, const struct store_filter *filter, json_t **out, struct error *e);
    int (*show)(struct store *s, const char *id, json_t **out, struct error *e);
    int (*totals)(struct store *s, json_t **out, struct error *e);
    int (*retain)(struct store *s, const struct store_retention *r, size_t *removed, struct error *e);
    int (*uncounted)(struct store *s, unsigned instance, store_each_cb each, void *user, struct error *e);
    int (*save_snapshot)(struct store *s, unsigned instance, const json_t *snapshot, struct error *e);
    int (*load_snapshot)(struct store *s, unsigned instance, json_t **snapshot, struct error *e);
    int (*save_day)(struct store *s, unsigned instance, int date, const json_t *day, struct error *e);
    int (*load_day)(struct store *s, int date, json_t **days, struct error *e);
    int (*save_report)(struct store *s, int date, const json_t *report, struct error *e);
    int (*load_report)(struct store *s, int date, json_t **report, struct error *e);
    int (*reports)(struct store *s, json_t **dates, struct error *e);
    int (*alert)(struct store *s, const struct store_alert *alert, bool open, struct error *e);
    int (*alerts)(struct store *s, bool open, size_t limit, json_t **out, struct error *e);
    int (*outbox_put)(struct store *s, const struct store_message *m, struct error *e);
    int (*outbox_take)(struct store *s, const struct store_taking *t, json_t **out, struct error *e);
    int (*outbox_release)(struct store *s, unsigned instance, int64_t now_ms, struct error *e);
    int (*outbox_record)(struct store *s, const struct store_sent *sent, struct error *e);
    int (*outbox_list)(struct store *s, unsigned states, size_t limit, json_t **out, struct error *e);
    int (*check)(struct store *s, json_t **findings, struct error *e);
    int (*backup)(struct store *s, const char *path, struct error *e);
    int (*vacuum)(struct store *s, struct error *e);
};

struct store { /* drivers put this first */
    const struct store_driver *driver;
};

/* STORE_WRITE makes it where there is none (not its folder), and brings an older one up to date. A damaged one is then
 * set aside beside itself as PATH.damaged-N with its companions, never deleted, and a new one begun: *e tells of it with
 * ERR_SYNTAX while 0 is returned. STORE_READ changes nothing; ERR_GONE where there is none. ERR_CONFIG for an unknown
 * scheme, with the known ones. base: folder that a relative path starts from. */
int store_open(struct store **out, const char *url, const char *base, enum store_mode mode, struct error *e);
void store_close(struct store *s); /* NULL is fine */

/* All or none, durable when it returns 0 (but for STORE_WRITE_UNFLUSHED). A job that is there already takes on what is
 * given, its deliveries too; but its folder, name, batch and created_ms stay. One call is one transaction: record many
 * at a time. */
int store_record(struct store *s, const struct store_job *jobs, size_t count, struct error *e);
/* Jobs pending or in processing, with their deliveries, without events. The callback does not call the store. */
int store_unfinished(struct store *s, store_each_cb each, void *user, struct error *e);
/* The job of that id, whole; without events. 0 also where there is none. */
int store_find(struct store *s, const char *id, store_each_cb each, void *user, struct error *e);
/* The newest job of that file name, whatever became of it. file: of that very file (by inode and time), where there is one:
 * another version may have come after it. NULL: of any. 0 also where there is none. */
int store_last(struct store *s, const char *folder, const char *name, const struct store_claim *file,
               store_each_cb each, void *user, struct error *e);
/* Was this delivered before? Of job: folder, name, sha256 and claim. *out: who delivered that name last, not before
 * since_ms, where its bytes are the job's. Completed with an error is not delivered: it was a duplicate itself. Nothing
 * too where this very file (claim) once failed: a person has put it back. */
int store_seen(struct store *s, const struct store_job *job, int64_t since_ms, struct store_seen *out, struct error *e);
/* {"jobs": [JOB...], "next": CURSOR or null}. A call looks at so many jobs and no more (a search for a text has no
 * index): there may be fewer than limit, even none, and a cursor to go on from; null is the end. JOB: {"id", "source",
 * "phase", "status", "folder", "file", "client", "category", "studio", "title", "path", "size", "sha256",
 * "retry_count", "crashes", "created_at", "started_at", "completed_at", "error_message", "batch_id", "destinations": [{"name",
 * "label", "state"}...]}; times as RFC 3339 in UTC with milliseconds, what is not known is null, bytes that are not
 * UTF-8 are U+FFFD. */
int store_list(struct store *s, const struct store_filter *filter, json_t **out, struct error *e);
/* One JOB by id, or by the beginning of one that is the only such, or the newest of that file name; besides:
 * "deliveries": [{"name", "label", "state", "attempts", "next_at", "done_at", "final_name", "error"}...],
 * "events": [{"at", "event", "destination", "text"}...], oldest first. ERR_GONE: none; ERR_CONFLICT: an id's beginning
 * that several have. */
int store_show(struct store *s, const char *id, json_t **out, struct error *e);
/* {"pending": N, "processing": N, "completed": N, "failed": N, "cancelled": N, "oldest_pending_at": TIME or null}; does
 * not count rows. */
int store_totals(struct store *s, json_t **out, struct error *e);
/* Removes finished jobs with all that belongs to them; call again while *removed == most. Gives room back to the file
 * system a little at a time. Of closed alerts the last 10000 stay, of ended messages the last 5000. */
int store_retain(struct store *s, const struct store_retention *r, size_t *removed, struct error *e);

/* May hold "counted": {"to": N, "but": [N...]}: the instance's jobs with outcomes up to N, but for those, are counted from
 * now on by what the snapshot says; in one transaction with it. */
int store_save_snapshot(struct store *s, unsigned instance, const json_t *snapshot, struct error *e);
/* Jobs recorded with an outcome that no snapshot counts, by their outcome, with their deliveries, without events. Recorded
 * again without an outcome, a job is not among them any more. The callback does not call the store. */
int store_uncounted(struct store *s, unsigned instance, store_each_cb each, void *user, struct error *e);
/* NULL and 0: none yet. */
int store_load_snapshot(struct store *s, unsigned instance, json_t **snapshot, struct error *e);
/* The statistics of a local day (yyyymmdd) as an instance counted them; saved again, they are replaced. */
int store_save_day(struct store *s, unsigned instance, int date, const json_t *day, struct error *e);
int store_load_day(struct store *s, int date, json_t **days, struct error *e); /* {"INSTANCE": DAY...} */

/* The report of a local day (yyyymmdd), an object. The first that is saved stays: a day has one. Of all the newest
 * STORE_REPORTS_MAX days stay. */
#define STORE_REPORTS_MAX 1000
int store_save_report(struct store *s, int date, const json_t *report, struct error *e);
int store_load_report(struct store *s, int date, json_t **report, struct error *e); /* NULL and 0: none */
int store_reports(struct store *s, json_t **dates, struct error *e); /* [yyyymmdd...], the newest first */

/* Opens an alert of that kind and subject, or counts it once more where it is open; open false: closes it. */
int store_alert(struct store *s, const struct store_alert *alert, bool open, struct error *e);
int store_alerts(struct store *s, bool open, size_t limit, json_t **out,
                 struct error *e); /* open: only those; newest first: [{"kind", "subject",
    "opened_at", "last_at", "closed_at", "count", "text"}...] */

/* Durable when it returns 0. Where there is a message of that key, whatever became of it, nothing changes. */
int store_outbox_put(struct store *s, const struct store_message *m, struct error *e);
/* Takes those that are due now, the longest due first: their due becomes until_ms, so that nobody takes them before, and the
 * attempt counts. {"messages": [{"kind", "key", "document", "created_ms", "expires_ms", "attempt"}...], "next_ms": when the next is
 * due, 0: none waits}. */
int store_outbox_take(struct store *s, const struct store_taking *t, json_t **out, struct error *e);
/* What the instance has in hand is due now: for its start, when whoever had that number before is dead. */
int store_outbox_release(struct store *s, unsigned instance, int64_t now_ms, struct error *e);
int store_outbox_record(struct store *s, const struct store_sent *sent, struct error *e);
/* states: bits 1 << enum outbox_state; 0: any. Newest first: [{"kind", "key", "state", "subject", "to", "created_at", "due_at",
 * "expires_at", "ended_at", "attempts", "error"}...]. */
int store_outbox_list(struct store *s, unsigned states, size_t limit, json_t **out, struct error *e);

int store_check(struct store *s, json_t **findings, struct error *e); /* [] : sound; else texts */
/* A whole copy while work goes on, made as PATH.part first. ERR_BUSY where either is there already. memory: ERR_USAGE. */
int store_backup(struct store *s, const char *path, struct error *e);
int store_vacuum(struct store *s, struct error *e);

extern const struct store_driver store_sqlite, store_memory;

#endif
