/* service.h: the composition root: makes the parts, turns the loop, ends it.
 *
 * Happy way: service_new (everything that can fail: folders, instance, store, handles) -> service_run until TERM or INT
 * -> drain -> everything closed -> exit code. Order of a turn: scanner, intake, lanes, storage, settle: each
 * pump hands out what the callbacks of this turn made possible; then the log is flushed. Signals: HUP reloads (reload.h) and
 * reopens the log file; USR1 logs the state; TERM and INT drain, a second one quits at once. As process 1 it also reaps. Thread:
 * the one that calls service_run is the loop's.
 */
#ifndef SHUNT_SERVICE_SERVICE_H
#define SHUNT_SERVICE_SERVICE_H

#include "shunt/service/delivery.h"
#include "shunt/service/disks.h"
#include "shunt/service/holds.h"
#include "shunt/service/instance.h"
#include "shunt/service/intake.h"
#include "shunt/service/outbox.h"
#include "shunt/service/recall.h"
#include "shunt/service/scanner.h"
#include "shunt/service/settle.h"
#include "shunt/service/storage.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2, EXIT_UNFINISHED = 3 };

#define SERVICE_SIGNALS 5

struct control;
struct spool;
struct upkeep;
struct reload;
struct scheduler;
struct reporter;

struct service {
    struct config *config; /* taken */
    uv_loop_t loop;
    struct runtime rt;
    struct instance instance;
    struct delivery_lanes lanes;
    struct jobs jobs;
    struct settle settle;
    struct storage storage;
    struct recall recall;
    struct intake intake;
    struct scanner scanner;
    struct disks disks;
    struct holds holds;
    struct upkeep *upkeep; /* statistics lines, the day's turn, the snapshot in the store */
    struct reload *reload;
    struct scheduler *scheduler; /* what is due at times */
    struct outbox *outbox;       /* mails and webhooks; NULL: `shunt once` sends none */
    struct reporter *reporter;   /* of the days that ended; NULL: `shunt once` has none */
    struct spool *spool;         /* jobs that were sent; NULL: `shunt once` takes none */
    struct control *control;     /* NULL: `shunt once` has none */
    uv_prepare_t before_poll;
    uv_check_t after_poll;
    uv_signal_t signals[SERVICE_SIGNALS];
    struct wait drain_deadline;
    int64_t started_wall_ms;
    bool hot_made; /* it was not there at the start */
    bool closing;
    int exit_code;
};

/* First thing in the process: HUP and USR1 wait until service_new has made us able to answer; by default they would end
 * the process. */
void service_hold_signals(bool hold);

/* NULL with *e set: nothing has been touched but folders that were missing. Takes config, also on failure. once: see
 * `shunt once`. */
struct service *service_new(struct config *config, const struct clock *clock, bool once, struct error *e);
int service_run(struct service *s);
/* ERR_CONFIG: hot folder and underprocess, which are there, lie on two file systems. */
int service_check_file_system(const struct config *c, struct error *e);
void service_free(struct service *s);       /* after service_run, or before it was called */
void service_stop(struct service *s);       /* as TERM does */
void service_reap(const struct service *s); /* as process 1, when a program of ours has ended */

#endif
