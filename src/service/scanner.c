/* scanner.c: see scanner.h. Targets are listed one after another: take one, read a slice in a work request, hand its
 * names on, read the next. */
#include "shunt/service/scanner.h"

#include <string.h>
#include <utlist.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/name.h"
#include "shunt/service/recall.h"
#include "shunt/service/watching.h"

#include "spool.h"

#define MISSING_RECHECK_MS 1000

enum where { IN_HOT_ROOT, IN_HOT, IN_UNDER_ROOT, IN_UNDER };

struct target {
    enum where where;
    enum way way;
    struct target *next;
    char folder[];
};

/* One target being listed. Belongs to the worker while in work, else to the loop. */
struct listing {
    struct work work;
    struct scanner *scanner;
    struct target *target;
    char *path;
    struct folder *folder;
    struct folder_slice slice;
    uint64_t dev, ino;
    size_t adopted;
    uint64_t adopted_from;
    size_t at; /* entries of the slice already handed on */
    const char *at_name;
    int code;
    struct error error;
};

static bool add_target(struct scanner *s, enum where where, const char *folder, enum way way)
{
    struct target *t = mem_zalloc(sizeof *t + strlen(folder) + 1);
    if (!t)
        return false;
    t->where = where;
    t->way = way;
    strcpy(t->folder, folder);
    if (way == WAY_REALTIME) /* what an event asks for does not wait behind a full scan */
        LL_PREPEND(s->targets, t);
    else
        LL_APPEND(s->targets, t);
    return true;
}

void scanner_list_folder(struct scanner *s, struct client_folder *folder, enum way way)
{
    watching_want(s, folder);
    if (folder->target_pending)
        return;
    folder->target_pending = add_target(s, folder->name[0] ? IN_HOT : IN_HOT_ROOT, folder->name, way);
}

static void begin_full(struct scanner *s, enum way way)
{
    s->full = true;
    s->full_wanted = false;
    s->number++;
    s->way = way;
    s->busy_ms = 0;
    s->seen = s->found = 0;
    log_write(LOG_EVENT(LOG_INFO, "scan_start", .phase = way_word(way)), "Scan #%u started", s->number);
    if (s->stopped) { /* it goes on where it stopped: with the parked listing and the targets left */
        s->stopped = false;
        return;
    }
    add_target(s, IN_UNDER_ROOT, "", way);
    struct client_folder *root = watching_find(s, "");
    if (!root)
        root = watching_add(s, "");
    if (root)
        scanner_list_folder(s, root, way);
    else
        log_error("scan_failed", "out of memory");
}

static void end_full(struct scanner *s, bool timed_out)
{
    const struct settings *set = s->rt->config->settings;
    bool slow = s->busy_ms > set->slow_scan_ms;
    s->full = false;
    s->ended_ms = runtime_now(s->rt);
    s->stopped = s->timed_out = timed_out;
    if (timed_out) {
        s->parked = s->listing;
        s->listing = NULL;
    }
    if (timed_out)
        stats_scan_timed_out(s->rt->stats);
    else
        stats_scan(s->rt->stats, slow, (double)s->busy_ms);
    metrics_scan(s->rt->metrics, timed_out ? SCAN_TIMED_OUT : SCAN_COMPLETED, slow, (uint64_t)s->busy_ms * 1000000);
    enum log_level level = timed_out || slow ? LOG_WARN : LOG_INFO;
    log_write(
        LOG_EVENT(level, timed_out ? "scan_timeout" : "scan_end", .phase = way_word(s->way), .ms = (double)s->busy_ms),
        timed_out ? "Scan #%u stopped at its time-out, the next goes on from there: %zu names seen, %zu new, %.2f s"
        : slow    ? "Scan #%u was slow: %zu names seen, %zu new, %.2f s"
                  : "Scan #%u ended: %zu names seen, %zu new, %.2f s",
        s->number, s->seen, s->found, (double)s->busy_ms / 1000);
}

void scanner_tick(struct scanner *s)
{
    if (s->full) {
        stats_scan_skipped(s->rt->stats);
        metrics_scan(s->rt->metrics, SCAN_SKIPPED, false, 0);
        log_write(LOG_EVENT(LOG_INFO, "scan_skipped"), "Scan skipped: #%u is still running", s->number);
        return;
    }
    begin_full(s, WAY_PERIODIC);
}

void scanner_want_full(struct scanner *s)
{
    s->full_wanted = true;
}

void scanner_rescan(void *scanner)
{
    scanner_want_full(scanner);
}

static void on_recheck(struct wait *wait)
{
    struct scanner *s = (struct scanner *)((char *)wait - offsetof(struct scanner, recheck));
    struct client_folder *root = watching_find(s, "");
    if (root)
        scanner_list_folder(s, root, WAY_PERIODIC);
}

/* --- the worker's part --- */

static void run(struct work *work)
{
    struct listing *l = (struct listing *)work;
    if (!l->folder) {
        if (l->target->where == IN_UNDER_ROOT)
            l->adopted = instance_adopt(l->scanner->instance, &l->adopted_from);
        l->folder = folder_open(l->path, &l->error);
        if (!l->folder) {
            l->code = l->error.code;
            return;
        }
        folder_id(l->folder, &l->dev, &l->ino);
    }
    l->code = folder_next(l->folder, &l->slice, SLICE_NAMES, &l->error);
}

/* --- the loop's part --- */

static void listing_free(struct listing *l)
{
    if (!l)
        return;
    folder_close(l->folder);
    folder_slice_fini(&l->slice);
    mem_free(l->path);
    mem_free(l->target);
    mem_free(l);
}

static char *path_of(const struct scanner *s, const struct target *t)
{
    const char *root = t->where == IN_UNDER_ROOT || t->where == IN_UNDER ? s->instance->path : s->rt->config->hot;
    struct str path = STR_INIT;
    /* The roots may be symbolic links of the operator's; what is below them may not. */
    str_printf(&path, "%s/%s", root, t->folder[0] ? t->folder : ".");
    return str_take(&path);
}

static struct listing *next_listing(struct scanner *s)
{
    struct target *t = s->targets;
    struct listing *l = mem_zalloc(sizeof *l);
    if (!l || !(l->path = path_of(s, t))) {
        mem_free(l);
        return NULL;
    }
    LL_DELETE(s->targets, t);
    l->scanner = s;
    l->target = t;
    folder_slice_init(&l->slice);
    struct client_folder *folder = t->where == IN_HOT || t->where == IN_HOT_ROOT ? watching_find(s, t->folder) : NULL;
    if (folder)
        folder->target_pending = false;
    if (t->where == IN_HOT_ROOT)
        s->generation++;
    return l;
}

static void on_sliced(struct work *work);

static void read_slice(struct scanner *s)
{
    struct listing *l = s->listing;
    s->work_began_ms = runtime_now(s->rt);
    l->at = 0;
    l->at_name = NULL;
    if (work_submit(s->rt->loop, &l->work, run, on_sliced) == 0)
        s->in_work = true;
}

static void see_root_entry(struct scanner *s, const struct listing *l, const char *name, enum entry_kind kind)
{
    struct error why = {0};
    if (kind != ENTRY_FOLDER && kind != ENTRY_UNKNOWN)
        return;
    if (name[0] == '.')
        return;
    struct client_folder *folder = watching_find(s, name);
    if (!folder) {
        if (name_check(name, strlen(name), &why) != 0) {
            log_write(LOG_EVENT(LOG_WARN, "folder_ignored", .client = name, .error = why.text),
                      "A folder below %s is not watched", s->rt->config->hot);
            return;
        }
        folder = watching_add(s, name);
        if (!folder)
            return;
        scanner_list_folder(s, folder, l->target->way);
    } else if (s->full) {
        scanner_list_folder(s, folder, s->way);
    }
    folder->generation = s->generation;
}

/* A quarter of the queue is for listings: what they find lies there and can wait, what events tell is told once. It also
 * bounds how many stand before a ticket that is dropped while a million wait. */
static bool has_room(const struct scanner *s)
{
    size_t limit = (size_t)s->rt->config->settings->queue_limit;
    return intake_room(s->intake, PRIORITY_NORMAL) > limit / 4 * 3;
}

/* False: there is no room; the same entry again later. */
static bool hand_on(struct scanner *s, const struct listing *l, const char *name, enum entry_kind kind)
{
    const struct target *t = l->target;
    bool under = t->where == IN_UNDER || t->where == IN_UNDER_ROOT;
    if (t->where == IN_UNDER_ROOT && kind == ENTRY_FOLDER) {
        add_target(s, IN_UNDER, name, t->way);
        return true;
    }
    if (t->where == IN_HOT_ROOT)
        see_root_entry(s, l, name, kind);
    if (!under && (kind == ENTRY_FOLDER || kind == ENTRY_OTHER)) /* underprocess is ours: a look puts it back */
        return true;
    if (under && s->spool && spool_moves(s->spool, t->folder, name))
        return true;
    if (!has_room(s))
        return false;
    size_t before = s->intake->count;
    intake_see(s->intake, t->folder, name, t->way, under, false);
    s->seen++;
    s->found += s->intake->count > before;
    return true;
}

static bool hand_on_slice(struct scanner *s)
{
    struct listing *l = s->listing;
    if (!l->at_name)
        l->at_name = l->slice.names;
    for (; l->at < l->slice.count; l->at++, l->at_name += strlen(l->at_name) + 1)
        if (!hand_on(s, l, l->at_name, (enum entry_kind)l->slice.kinds[l->at]))
            return false;
    return true;
}

static void tell_missing(struct scanner *s, const struct error *why)
{
    if (s->missing.code == 0)
        log_write(LOG_EVENT(LOG_ERROR, "hot_missing", .error = why->text),
                  "The hot folder %s cannot be listed, tried again every %d s", s->rt->config->hot,
                  MISSING_RECHECK_MS / 1000);
    s->missing = *why;
    wait_set(s->rt, &s->recheck, MISSING_RECHECK_MS, on_recheck);
}

static void on_list_failed(struct scanner *s, const struct listing *l)
{
    const struct target *t = l->target;
    if (t->where == IN_HOT_ROOT) {
        struct client_folder *root = watching_find(s, "");
        tell_missing(s, &l->error);
        if (root)
            watching_lost(s, root);
    } else if (t->where == IN_HOT && (l->code == ERR_NOPLACE || l->code == ERR_NOT_OURS)) {
        watching_forget(s, t->folder);
    } else if (l->code != ERR_NOPLACE) {
        log_write(LOG_EVENT(LOG_WARN, "scan_failed", .client = t->folder, .error = l->error.text),
                  "%s cannot be listed", l->path);
    }
}

/* The folder that was listed is it the one that is watched? */
static void check_identity(struct scanner *s, const struct listing *l)
{
    struct client_folder *folder = watching_find(s, l->target->folder);
    if (!folder)
        return;
    bool anew = folder->ino != 0 && (folder->ino != l->ino || folder->dev != l->dev);
    if (anew)
        watching_lost(s, folder);
    folder->ino = l->ino;
    folder->dev = l->dev;
    if (anew && folder->name[0] == '\0') /* another tree: what is known of its folders is of the old one */
        scanner_want_full(s);
    if (anew) /* what came between its making and the new watch */
        scanner_list_folder(s, folder, WAY_REALTIME);
}

static void end_listing(struct scanner *s)
{
    struct listing *l = s->listing;
    s->listing = NULL;
    if (l->target->where == IN_HOT_ROOT && l->code == 0) {
        if (s->missing.code != 0) {
            log_write(LOG_EVENT(LOG_INFO, "hot_back"), "The hot folder %s is there again", s->rt->config->hot);
            scanner_want_full(s);
        }
        error_clear(&s->missing);
        watching_forget_unseen(s);
    }
    listing_free(l);
}

static void on_sliced(struct work *work)
{
    struct listing *l = (struct listing *)work;
    struct scanner *s = l->scanner;
    s->in_work = false;
    s->busy_ms += runtime_now(s->rt) - s->work_began_ms;
    if (s->closing)
        return;
    if (l->adopted > 0) {
        log_write(LOG_EVENT(LOG_WARN, "adopted"), "%zu tickets of an instance that is gone were taken over",
                  l->adopted);
        s->intake->jobs->recall->whole = false;
    }
    s->instance->left_by |= l->adopted_from;
    l->adopted = 0;
    if (l->code != 0) {
        on_list_failed(s, l);
        end_listing(s);
        return;
    }
    if (l->target->where == IN_HOT || l->target->where == IN_HOT_ROOT)
        check_identity(s, l);
    scanner_pump(s);
}

static bool out_of_time(struct scanner *s)
{
    return s->full && s->busy_ms >= s->rt->config->settings->scan_timeout_ms;
}

/* Goes on with the listing in hand; false: it waits for a worker or for room. */
static bool go_on(struct scanner *s)
{
    if (!s->listing && s->parked && !s->stopped) {
        s->listing = s->parked;
        s->parked = NULL;
        return true;
    }
    if (!s->listing) {
        if (s->full && out_of_time(s)) {
            end_full(s, true);
            return false;
        }
        /* After a time-out only what an event asks for is listed, until the next tick. */
        if (!s->targets || (s->stopped && s->targets->way != WAY_REALTIME) || !(s->listing = next_listing(s)))
            return false;
        read_slice(s);
        return false;
    }
    if (!hand_on_slice(s))
        return false;
    if (s->listing->slice.end) {
        end_listing(s);
        return true;
    }
    if (s->full && s->listing->target->way != WAY_REALTIME && out_of_time(s)) {
        end_full(s, true);
        return false;
    }
    read_slice(s);
    return false;
}

void scanner_pump(struct scanner *s)
{
    if (s->closing || s->rt->draining || s->in_work)
        return;
    while (!watching_begin(s) && go_on(s))
        continue;
    if (!s->in_work && !s->listing && (s->stopped || (!s->targets && !s->parked))) {
        if (s->full)
            end_full(s, false);
        if (s->full_wanted)
            begin_full(s, WAY_PERIODIC);
        if (s->targets && !watching_begin(s))
            go_on(s);
    }
}

void scanner_init(struct scanner *s, struct runtime *rt, struct intake *intake, struct instance *instance)
{
    *s = (struct scanner){.rt = rt, .intake = intake, .instance = instance};
}

void scanner_start(struct scanner *s)
{
    begin_full(s, WAY_STARTUP);
}

void scanner_close(struct scanner *s)
{
    s->closing = true;
    wait_cancel(s->rt, &s->recheck);
    watching_close_all(s);
}

void scanner_fini(struct scanner *s)
{
    struct target *t, *next;
    watches_fini(&s->watches);
    listing_free(s->listing);
    listing_free(s->parked);
    LL_FOREACH_SAFE (s->targets, t, next)
        mem_free(t);
    s->listing = s->parked = NULL;
    s->targets = NULL;
}
