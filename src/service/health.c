/* health.c: see health.h. Each check asks one part. Texts do not change from second to second: who listens to events is
 * told when something happened. */
#include "shunt/service/health.h"

#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/core/units.h"
#include "shunt/service/control.h"
#include "shunt/service/lane.h"
#include "shunt/service/outbox.h"
#include "shunt/service/watching.h"

#define SCAN_SLACK_MS 10000 /* a tick may come so late */

struct checks {
    const struct service *s;
    json_t *list; /* NULL: no memory */
};

enum weight { REQUIRED, ADVICE };

static void check(struct checks *c, const char *name, enum weight weight, bool ok, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Whatever a name quotes: it becomes UTF-8. NULL: no memory. */
static json_t *plain_text(const char *text)
{
    struct str plain = STR_INIT;
    str_plain(&plain, text, strlen(text));
    json_t *json = str_failed(&plain) ? NULL : json_string(plain.bytes);
    str_fini(&plain);
    return json;
}

static void check(struct checks *c, const char *name, enum weight weight, bool ok, const char *fmt, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!c->list)
        return;
    json_t *entry = json_pack("{s:s, s:b, s:b, s:o}", "name", name, "ok", ok, "required", weight == REQUIRED, "text",
                              plain_text(text));
    if (json_array_append_new(c->list, entry) == 0)
        return;
    json_decref(c->list);
    c->list = NULL;
}

/* Of the last check: what is not everybody's to know, paths above all. */
static void explain(struct checks *c, const char *detail)
{
    json_t *last = c->list ? json_array_get(c->list, json_array_size(c->list) - 1) : NULL;
    if (!last || json_object_set_new(last, "detail", plain_text(detail)) == 0)
        return;
    json_decref(c->list);
    c->list = NULL;
}

/* Of the last check, where it is not ok: what a person can do about it. */
static void advise(struct checks *c, const char *what)
{
    json_t *last = c->list ? json_array_get(c->list, json_array_size(c->list) - 1) : NULL;
    if (!last || json_is_true(json_object_get(last, "ok")) ||
        json_object_set_new(last, "advice", json_string(what)) == 0)
        return;
    json_decref(c->list);
    c->list = NULL;
}

static void check_life(struct checks *c)
{
    const struct scanner *scanner = &c->s->scanner;
    bool started = scanner->number > 0 && !(scanner->full && scanner->way == WAY_STARTUP);
    check(c, "running", REQUIRED, !c->s->rt.draining,
          c->s->rt.draining ? "it is stopping: what is in hand is finished" : "it runs");
    check(c, "started", REQUIRED, started, started ? "the start-up scan has ended" : "the start-up scan is running");
}

static void check_scans(struct checks *c)
{
    const struct scanner *scanner = &c->s->scanner;
    const struct settings *set = c->s->config->settings;
    int64_t now = runtime_now(&c->s->rt), hangs_ms = scanner->in_work ? now - scanner->work_began_ms : 0;
    int64_t ago_ms = scanner->full ? 0 : now - scanner->ended_ms;
    if (hangs_ms > set->hang_ms)
        check(c, "scans", REQUIRED, false, "the hot folders do not answer: listing or watching one hangs");
    else if (scanner->number > 0 && ago_ms > set->scan_interval_ms + SCAN_SLACK_MS)
        check(c, "scans", REQUIRED, false, "the last scan is longer ago than [intake] scan_interval");
    else
        check(c, "scans", REQUIRED, true, scanner->full ? "scan #%u is running" : "scan #%u has ended",
              scanner->number);
    char advice[128];
    size_t unwatched = watching_unwatched(scanner);
    check(c, "watches", ADVICE, unwatched == 0,
          unwatched == 0   ? "all folders are watched"
          : unwatched == 1 ? "%zu folder is not watched, only scanned"
                           : "%zu folders are not watched, only scanned",
          unwatched);
    if (unwatched > 0 && scanner->unwatched.code != 0)
        explain(c, scanner->unwatched.text);
    snprintf(advice, sizeof advice, "Tickets there wait for the next scan; %s.", watching_advice(scanner));
    advise(c, advice);
}

/* trouble: what its user met there already, or NULL; met: why, where that is known. A folder that is gone is made when it
 * is needed. */
static void check_disk(struct checks *c, enum disk_of which, const char *trouble, const struct error *met)
{
    const struct disk *disk = &c->s->disks.of[which];
    const struct error *why = &disk->is.error;
    bool ours = error_class_of(why->code) == CLASS_RESOURCE; /* we ran out of descriptors ourselves */
    bool hangs = disk_hangs(disk), bad = disk->known && why->code != 0 && why->code != ERR_NOPLACE && !ours;
    if (trouble)
        check(c, disk->name, REQUIRED, false, "%s", trouble);
    else if (hangs)
        check(c, disk->name, REQUIRED, false, "the folder %s has not answered for %d s", disk->name,
              DISKS_HANG_MS / 1000);
    else if (bad)
        check(c, disk->name, REQUIRED, false, "the folder %s cannot be used", disk->name);
    else
        check(c, disk->name, REQUIRED, true, "the folder %s works", disk->name);
    if (trouble || hangs || bad)
        explain(c, met ? met->text : bad && !hangs ? why->text : disk->path);
    advise(c, hangs ? "Is its share or disk still there?"
                    : "Is it mounted, is there room, may the service's user write there?");
}

static void check_folders(struct checks *c)
{
    const struct service *s = c->s;
    bool barred = s->intake.barred.code != 0 && s->intake.count > 0;
    bool missing = s->scanner.missing.code != 0;
    check_disk(c, DISK_HOT, missing ? "the hot folder cannot be listed" : NULL, missing ? &s->scanner.missing : NULL);
    check_disk(c, DISK_UNDERPROCESS,
               barred                      ? "no ticket can be moved into underprocess: all wait in the hot folders"
               : s->settle.remove.troubled ? "delivered tickets cannot be taken off underprocess"
                                           : NULL,
               barred ? &s->intake.barred : NULL);
    check_disk(c, DISK_FAILED, s->settle.aside.troubled ? "tickets cannot be moved to the failed folder" : NULL, NULL);
}

static void check_store(struct checks *c)
{
    const struct storage *st = &c->s->storage;
    if (!st->degraded) {
        check(c, "store", REQUIRED, true, "the store is written");
        return;
    }
    check(c, "store", REQUIRED, false, "the store cannot be written: routing goes on, %zu %s written later", st->queued,
          st->queued == 1 ? "record is" : "records are");
    explain(c, st->why.text);
    advise(c, "Is there room on its disk, is the file the service's user's, does another program hold it?");
}

static void check_address(struct checks *c)
{
    const struct error *why = c->s->control ? control_no_address(c->s->control) : NULL;
    if (!why || why->code == 0)
        return;
    check(c, "http", ADVICE, false, "there is no dashboard and no API on [http] listen");
    explain(c, why->text);
    advise(c, "It is tried again every few seconds. Does another program have the address, or an older instance?");
}

/* The archive must work: no ticket ends without it. Of the others one must, where there are any. */
static void check_destinations(struct checks *c)
{
    size_t all = 0, well = 0;
    for (const struct lane *lane = c->s->lanes.lanes; lane; lane = lane->next) {
        bool down = lane->breaker.state != BREAKER_CLOSED, hangs = lane->hanging > 0;
        enum weight weight = lane->is_archive ? REQUIRED : ADVICE;
        all += !lane->is_archive;
        well += !lane->is_archive && !down && !hangs;
        if (down)
            check(c, lane->name, weight, false, "%s is down: %zu deliveries wait", lane->label, lane->queued);
        if (down)
            advise(
                c,
                "It is tried again by itself. Is its folder mounted, is there room, may the service's user write there?");
        if (hangs)
            check(c, lane->name, weight, false, "%s hangs: nothing else is sent there until it answers", lane->label);
        if (hangs)
            advise(c, "Is its share still there?");
        if (!down && !hangs && lane->is_archive)
            check_disk(c, DISK_ARCHIVE, NULL, NULL);
    }
    if (all > 0 && well == 0)
        check(c, "destinations", REQUIRED, false, "no destination takes deliveries");
    else
        check(c, "destinations", REQUIRED, true, "%zu of %zu take deliveries", well, all);
}

int64_t health_oldest_ms(const struct service *s)
{
    int64_t tickets = jobs_oldest_ms(&s->jobs), names = intake_oldest_ms(&s->intake);
    return tickets > names ? tickets : names;
}

static void check_oldest(struct checks *c)
{
    int64_t oldest_ms = health_oldest_ms(c->s), most_ms = c->s->config->settings->ready_oldest_ms;
    char most[UNITS_TEXT_MAX];
    units_ms_text(most_ms, most);
    if (oldest_ms > most_ms)
        check(c, "oldest", REQUIRED, false, "a ticket has waited for longer than %s", most);
    else
        check(c, "oldest", REQUIRED, true, "no ticket has waited for longer than %s", most);
}

static void check_setting(void *user, const char *text)
{
    check(user, "settings", ADVICE, false, "%s", text);
}

/* What is well is not told: many have no mail. */
static void check_messages(struct checks *c)
{
    static const char *const texts[OUTBOX_KINDS] = {"mails do not get out", "what is to be posted does not get out"};
    settings_advice(c->s->config->settings, check_setting, c);
    for (int kind = 0; kind < OUTBOX_KINDS; kind++) {
        const char *trouble = outbox_trouble(c->s->outbox, (enum outbox_kind)kind);
        if (!trouble)
            continue;
        check(c, kind == OUTBOX_MAIL ? "mail" : "webhook", ADVICE, false, "%s", texts[kind]);
        explain(c, trouble);
        advise(c, kind == OUTBOX_MAIL ? "They wait and are tried again: `shunt mail list`, `shunt mail test ADDRESS`."
                                      : "They wait and are tried again: `shunt mail list`.");
    }
}

json_t *health_checks(const struct service *s)
{
    struct checks c = {.s = s, .list = json_array()};
    check_life(&c);
    check_store(&c);
    check_folders(&c);
    check_scans(&c);
    check_destinations(&c);
    check_oldest(&c);
    check_address(&c);
    check_messages(&c);
    return c.list;
}

bool health_ready(const json_t *checks)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (checks, i, entry)
        if (!json_is_true(json_object_get(entry, "ok")) && json_is_true(json_object_get(entry, "required")))
            return false;
    return true;
}

static bool is_phase(const char *name)
{
    return strcmp(name, "running") == 0 || strcmp(name, "started") == 0;
}

json_t *health_degraded(const json_t *checks)
{
    json_t *list = json_array();
    size_t i;
    json_t *entry;
    json_array_foreach (checks, i, entry) {
        const char *text, *detail = NULL, *advice = NULL;
        json_unpack(entry, "{s:s, s?s, s?s}", "text", &text, "detail", &detail, "advice", &advice);
        if (json_is_true(json_object_get(entry, "ok")) || is_phase(json_string_value(json_object_get(entry, "name"))))
            continue;
        json_t *line = json_sprintf("%s%s%s%s%s%s", text, detail ? " (" : "", detail ? detail : "", detail ? ")" : "",
                                    advice ? ". " : "", advice ? advice : "");
        if (json_array_append_new(list, line) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
