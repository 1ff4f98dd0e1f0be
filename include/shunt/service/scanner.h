/* scanner.h: the truth below the events: which files lie in the hot folders, listed in slices; and the watches that
 * make it fast.
 *
 * A full scan (at start, every scan_interval, when events were lost) lists underprocess, the hot root, and each client
 * folder. New folders are watched first and then listed; folders that are gone or were made anew lose or change their
 * watch. One slice is in work at a time, and none while a quarter of the intake's queue is taken:
 * a million waiting files pass through it, and names that events tell find room meanwhile. Full scans are numbered,
 * timed (the time of listing, not of waiting for room), warned about over slow_scan, and stopped at scan_timeout: the
 * next tick goes on where it stopped. A tick while one is running is skipped and counted. Thread: loop; listing in work
 * requests.
 */
#ifndef SHUNT_SERVICE_SCANNER_H
#define SHUNT_SERVICE_SCANNER_H

#include "shunt/io/folder.h"
#include "shunt/io/watch.h"
#include "shunt/service/instance.h"
#include "shunt/service/intake.h"

#define SLICE_NAMES 512 /* names a listing hands over at once */

struct client_folder;
struct target;
struct listing;
struct spool;

struct scanner {
    struct runtime *rt;
    struct intake *intake;
    struct instance *instance;
    struct spool *spool; /* moves tickets into underprocess; NULL: nobody does */
    struct watches watches;
    struct client_folder *folders; /* by name; "" is the hot root */
    size_t n_folders, n_watch_wanted;
    struct target *targets;  /* still to be listed, in order */
    struct listing *listing; /* of the target in hand; NULL: none */
    struct listing *parked;  /* of a full scan that stopped at its time-out */
    bool in_work;            /* a slice is being read, or folders are being watched */
    unsigned number;         /* of the last full scan */
    bool full;               /* one is running */
    bool full_wanted;        /* another one, as soon as it ends */
    bool stopped;            /* at its time-out */
    bool timed_out;          /* the last full scan that ended did so */
    enum way way;            /* of the full scan */
    int64_t busy_ms;         /* spent listing */
    int64_t ended_ms;        /* mono; when the last full one did */
    int64_t work_began_ms;   /* while in_work */
    size_t seen, found;      /* names; of them new to us */
    unsigned generation;     /* of the listing of the root */
    struct wait recheck;
    struct error unwatched; /* why the last folder that could not be watched could not */
    bool told_unwatched;
    struct error missing; /* why the hot folder cannot be listed; code 0: it can, as far as is known */
    bool closing;
};

void scanner_init(struct scanner *s, struct runtime *rt, struct intake *intake, struct instance *instance);
void scanner_start(struct scanner *s); /* the start-up scan */
void scanner_tick(struct scanner *s);  /* the periodic one, every scan_interval (scheduler.h) */
void scanner_pump(struct scanner *s);  /* once a turn */
void scanner_close(struct scanner *s); /* watches are closed; turn the loop until it is empty */
void scanner_fini(struct scanner *s);
/* For the intake */
bool scanner_watches(void *scanner, const char *folder);
void scanner_rescan(void *scanner);

#endif
