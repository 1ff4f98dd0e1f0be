/* jobs.h: the jobs in work, and the one function that moves a job from state to state.
 *
 * Happy way: jobs_begin (a claimed ticket) -> what an earlier run or another instance did of it (recall.h) -> is it a
 * duplicate? (duplicate.h) -> its deliveries, the archive first among them, go to their lanes -> each result comes
 * back by jobs_delivery_to, jobs_advance -> all done: settle removes the claimed original -> done, counted, logged,
 * freed. The store is told when a job begins to wait and when it ends; the original is removed when it knows that the
 * job is completed. A failed delivery ends in waiting (its lane tries again) or, out of attempts, in failing: settle
 * moves the ticket to the failed folder with its story. An original that changed while we had it ends its job as
 * returned and is looked at anew where it lies.
 *
 * At most one job for each client and file name: the claimed file's place in underprocess says so. What arrives in the
 * hot folder meanwhile is looked at when the job ends. Ownership: a job frees itself when it ends; deliveries are its
 * members. Thread: loop.
 */
#ifndef SHUNT_SERVICE_JOBS_H
#define SHUNT_SERVICE_JOBS_H

#include <jansson.h>

#include "shunt/core/job.h"
#include "shunt/service/duplicate.h"
#include "shunt/service/runtime.h"
#include "shunt/service/take.h"

/* Bytes of contents that all jobs keep; what is more is copied from its file. */
#define JOBS_KEEP_MAX (512 * 1024)

struct lane;
struct jobs;
struct record;
struct feed;
struct recall;
struct storage;

struct delivery {
    struct job *job;
    struct lane *lane; /* the archive's for the first */
    enum delivery_state state;
    unsigned attempts;         /* that failed */
    const struct error *error; /* of the last that failed (delivery_error); NULL: none did, which is nearly always */
    struct wait wait;          /* until the next attempt */
    int64_t next_ms;           /* when that is, by the wall clock */
    int64_t done_ms;
    bool before; /* delivered before the ticket failed and was put back: counted then */
    bool told;   /* its success stands in the log */
    bool beside; /* under another name than its own */
    bool same;   /* these bytes had its name there before */
    char *final_name;
    struct delivery *next, *prev; /* in the lane's queue, while listed */
    bool listed;
};

/* What happened to a job, besides what its deliveries say; the store is told with the job's next record. */
struct job_event {
    struct job_event *next;
    int64_t at_ms;
    const char *event;       /* a constant */
    const char *destination; /* NULL: of the job; else the lane's */
    char text[];
};

struct job {
    struct jobs *jobs;
    char id[JOB_ID_SIZE];
    char *key;    /* "FOLDER/name" below hot: what the job holds in underprocess */
    char *folder; /* "" right in hot */
    char *name;
    char *client;                               /* it is routed and archived as */
    char *declared, *category, *studio, *title; /* NULL: not in the document */
    enum way way;
    enum job_state state;
    unsigned worker;
    bool left;            /* by a try that may have been cut off: its temporaries may still lie about */
    struct source source; /* open and leased while the job goes on without waiting */
    struct file_print print;
    struct source_content content; /* bytes go when the job waits; NULL also beyond JOBS_KEEP_MAX */
    bool changed;                  /* the original changed under us: returned, not failed */
    bool again;                    /* something arrived under the same name meanwhile */
    bool own_move_pending;         /* the event of our own claim is still to come */
    uint64_t taken_ns;             /* uv_hrtime */
    uint64_t settling_ns;          /* when its last act began */
    int64_t created_ms;            /* taken up first, also by an earlier run */
    int64_t started_ms;            /* taken up since it last failed, also by an earlier run */
    uint64_t outcome;              /* its number among those that end; 0: not yet */
    struct job_event *events;      /* newest first */
    struct error error;            /* why it is invalid */
    struct delivery *deliveries;
    size_t n_deliveries;
    struct retry_own retry; /* of each of them, as the routes say; 0: as its destination has it */
    struct delivery_counts counts;
    struct doubt doubt;    /* is it a duplicate? */
    bool unsure;           /* it lay in underprocess, and the store could not say what it knows of it */
    struct record *record; /* its newest that is not in the store yet; NULL: none */
    bool counted_in_work;
    struct job *next;        /* in settle's queue */
    struct wait settle_wait; /* until settle tries again */
    unsigned settle_tries;
    struct job_handle *handle; /* in the table */
};

struct settle;
struct delivery_lanes;

/* What the intake wants to know: the name is free again; look whether something waits under it. in_underprocess: the
 * file itself was returned and lies there. */
typedef void (*jobs_ended_cb)(void *user, const char *folder, const char *name, bool look_again, bool in_underprocess,
                              enum way way);

struct jobs {
    struct runtime *rt;
    struct delivery_lanes *lanes;
    struct settle *settle;
    struct storage *storage;
    struct recall *recall;
    struct feed *feed; /* NULL: nobody follows */
    struct job_handle *table;
    size_t count;
    uint64_t kept_bytes;       /* contents that jobs hold */
    int64_t ledger_difference; /* last told */
    uint64_t outcomes;       /* numbers given to jobs that end; the store knows by them which ones a snapshot counts */
    bool duplicates_unknown; /* that the store does not tell them stands in the log */
    jobs_ended_cb ended;
    void *user;
    /* `shunt once` wants each outcome */
    void (*on_outcome)(void *user, const struct job *job, const char *failed_path);
    void *outcome_user;
};

void jobs_init(struct jobs *jobs, struct runtime *rt, struct delivery_lanes *lanes, struct settle *settle,
               struct storage *storage, struct recall *recall);
void jobs_fini(struct jobs *jobs); /* frees what still waits; its files stay in underprocess */

/* Takes what the item holds. On ERR_NOMEM the item still holds all, and the file stays claimed: the next look finds it. */
int jobs_begin(struct jobs *jobs, struct take_item *item, struct routes *routes, enum way way, unsigned worker,
               bool watched);
void jobs_go_on(struct job *job);        /* it knows its past, as far as that can be known */
void jobs_deliver(struct job *job);      /* what of it is queued goes to its lanes */
void jobs_keep_archive(struct job *job); /* its other deliveries, none of them in work, are forgotten */
void job_note(struct job *job, const char *event, const char *destination, const char *text); /* for the store */
void job_forget_events(struct job *job);
bool job_was_opened(const struct job *job);   /* its ticket was read, as far as it can be */
const char *job_shown(const struct job *job); /* the name below hot, for people */
/* Whose it is in statistics and metrics: its folder's, or its ClientCode's where it lay right in hot. */
const char *job_counted_as(const struct job *job);
struct job *jobs_find(const struct jobs *jobs, const char *folder, const char *name);
/* How long the oldest has been in hand; without those that only wait for destinations that are held. 0: none. */
int64_t jobs_oldest_ms(const struct jobs *jobs);
/* By id, its beginning, or file name. NULL: none; *several: more than one fits. */
struct job *jobs_look_up(const struct jobs *jobs, const char *id, bool *several);
/* All, in the order in which they were taken up. after NULL: the first; NULL: no more. */
struct job *jobs_next(const struct jobs *jobs, const struct job *after);

/* The only ways in which results come back. */
void jobs_delivery_to(struct delivery *d, enum delivery_state to);

const struct error *delivery_error(const struct delivery *d); /* code 0: none */
void delivery_set_error(struct delivery *d, const struct error *why);
void jobs_advance(struct job *job); /* after one or more of its deliveries moved */
void jobs_settled(struct job *job, int code,
                  const char *failed_path); /* 0; ERR_CHANGED: returned; else tried again by settle */

/* A person (who) takes back a job that waits: it ends in the failed folder. ERR_BUSY: something of it is in work. */
int jobs_cancel(struct job *job, const char *who, struct error *e);

/* A person (who) gives a job in hand all its attempts again: what pauses is tried at once. ERR_BUSY: it is about to end. */
int jobs_reset(struct job *job, const char *who, struct error *e);

/* Which outcomes the statistics count by now, as a snapshot tells it (store.h). NULL: no memory. */
json_t *jobs_counted(const struct jobs *jobs);

/* `shunt once` gives up: the job ends, its file stays in underprocess, where the next start takes it up. */
void jobs_abandon(struct job *job, const struct error *why);

/* Every now and then, and after every batch: does the ledger balance? An imbalance is an ERROR in the log, once for
 * each difference. */
void jobs_check_ledger(struct jobs *jobs);

#endif
