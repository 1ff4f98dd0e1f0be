/* incidents_words.c: see incidents_inner.h. Moments are named, not "in 10 s": a mail is read later. */
#include <string.h>

#include "shunt/core/expect.h"
#include "shunt/core/units.h"

#include "incidents_inner.h"

const char *const incident_words[INCIDENT_KINDS] = {
    [DESTINATION_DOWN] = "destination_down",
    [DESTINATION_HANGS] = "destination_hangs",
    [DESTINATION_HELD] = "destination_held",
    [STORE_DEGRADED] = "store_degraded",
    [LEDGER] = "ledger",
    [DISK_LOW] = "disk_low",
    [SCAN_TIMEOUT] = "scan_timeout",
    [INTAKE_STOPPED] = "intake_stopped",
    [EXPECTED_MISSING] = "expected_missing",
};

void words_init(struct words *w)
{
    *w = (struct words){STR_INIT, STR_INIT, STR_INIT, STR_INIT};
}

void words_fini(struct words *w)
{
    str_fini(&w->title);
    str_fini(&w->text);
    str_fini(&w->next);
    str_fini(&w->todo);
}

bool words_failed(const struct words *w)
{
    return str_failed(&w->title) || str_failed(&w->text) || str_failed(&w->next) || str_failed(&w->todo);
}

/* A command with one operand, as it is typed here; word "": none. */
static void command(struct words *w, const struct service *s, const char *verb, const char *word)
{
    str_puts(&w->todo, w->todo.len > 0 ? "\n" : "");
    alerts_command(s->config, &w->todo);
    str_printf(&w->todo, " %s", verb);
    if (word[0]) {
        str_putc(&w->todo, ' ');
        str_shell(&w->todo, word);
    }
}

/* ---- destinations ---- */

static const struct service *service_of(const struct lane *lane)
{
    return (const struct service *)((const char *)lane->lanes - offsetof(struct service, lanes));
}

static void down(struct words *w, const struct lane *lane)
{
    const struct runtime *rt = lane->lanes->rt;
    char at[CLOCK_STAMP_MAX];
    int64_t wait_ms = lane->breaker.until_ms - runtime_now(rt);
    clock_plain(rt->clock->wall_ms(rt->clock) + (wait_ms > 0 ? wait_ms : 0), at);
    str_printf(&w->title, "%s is down", lane->label);
    str_printf(&w->text, "Nothing can be delivered there: %s", lane->trouble.text);
    if (lane->held)
        str_puts(&w->next, "It is held besides: nothing is tried until it is released.");
    else
        str_printf(&w->next,
                   "One delivery is tried again at %s, and then again and again. Meanwhile what goes there waits; no "
                   "attempts are used up, and other destinations go on.",
                   at);
    command(w, service_of(lane), "status", "");
    command(w, service_of(lane), lane->held ? "release" : "hold", lane->name);
}

static void hangs(struct words *w, const struct lane *lane)
{
    char limit[UNITS_TEXT_MAX];
    units_ms_text(lane->lanes->rt->config->settings->hang_ms, limit);
    str_printf(&w->title, "%s hangs", lane->label);
    str_printf(&w->text, "A delivery there has not come back for more than %s. Is its share mounted?", limit);
    str_puts(&w->next, "Nothing else is sent there until it answers; what goes there waits, other destinations go on.");
    command(w, service_of(lane), "status", "");
}

static void held(struct words *w, const struct lane *lane)
{
    str_printf(&w->title, "%s is held", lane->label);
    const struct held_name *how = lanes_find_held(lane->lanes, lane->name);
    char at[CLOCK_STAMP_MAX];
    str_puts(&w->text, "Held by ");
    str_puts(&w->text, how && how->by[0] ? how->by : "somebody");
    if (how && how->since_ms > 0) {
        clock_plain(how->since_ms, at);
        str_printf(&w->text, " since %s", at);
    }
    str_puts(&w->text, ": deliveries wait for it.");
    str_puts(&w->next, "They wait until it is released, for however long that takes.");
    command(w, service_of(lane), "release", lane->name);
}

void words_of_lane(struct words *w, const struct lane *lane, enum incident_kind kind)
{
    if (kind == DESTINATION_DOWN)
        down(w, lane);
    else if (kind == DESTINATION_HANGS)
        hangs(w, lane);
    else
        held(w, lane);
}

/* ---- our own ---- */

void words_of_store(struct words *w, const struct service *s)
{
    str_puts(&w->title, "The store cannot be written");
    str_puts(&w->text, s->storage.why.text);
    str_puts(&w->next,
             "Tickets are delivered as before. What is to be recorded waits and is written when the store can "
             "be; it is tried again and again.");
    command(w, s, "status", "");
    command(w, s, "store check", "");
}

void words_of_ledger(struct words *w, const struct service *s)
{
    str_puts(&w->title, "The ledger does not balance");
    str_printf(&w->text, "By %lld tickets: what was taken up is not the sum of what became of it.",
               (long long)s->jobs.ledger_difference);
    str_puts(&w->next, "Work goes on, and the folders hold what they hold. Please report it with the log of the time.");
    command(w, s, "status", "");
    command(w, s, "verify", "");
}

void words_of_scans(struct words *w, const struct service *s)
{
    char limit[UNITS_TEXT_MAX];
    units_ms_text(s->config->settings->scan_timeout_ms, limit);
    str_puts(&w->title, "A scan of the hot folders takes too long");
    str_printf(&w->text, "It was stopped after %s ([intake] scan_timeout). %zu folders are scanned.", limit,
               s->scanner.n_folders);
    str_puts(&w->next, "The next scan goes on where this one stopped, so that every folder has its turn; new files are "
                       "seen in real time as before.");
    command(w, s, "status", "");
}

void words_of_intake(struct words *w, const struct service *s)
{
    const bool missing = s->scanner.missing.code != 0;
    str_puts(&w->title, "No ticket is taken up");
    str_printf(&w->text, missing ? "The hot folder cannot be listed: %s" : "None can be moved into underprocess: %s",
               missing ? s->scanner.missing.text : s->intake.barred.text);
    str_puts(&w->next,
             "It is tried again and again. Tickets wait in the hot folders; what was taken up before goes on.");
    command(w, s, "status", "");
    str_puts(&w->todo, "\nls -ld ");
    str_shell(&w->todo, missing ? s->config->hot : s->instance.path);
}

void words_of_disk(struct words *w, const struct service *s, const struct disk *disk)
{
    char free_text[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];
    const int64_t mib = INT64_C(1024) * 1024;
    int64_t free_bytes = (int64_t)disk->is.free_bytes;
    units_bytes_text(free_bytes >= mib ? free_bytes / mib * mib : free_bytes, free_text);
    units_bytes_text(s->config->settings->alerts_min_free_bytes, limit);
    str_printf(&w->title, "The disk of %s is almost full", disk->name);
    str_printf(&w->text, "%s are free, less than [alerts] min_free = %s. There lie:", free_text, limit);
    for (size_t i = 0; i < DISKS; i++) {
        const struct disk *other = &s->disks.of[i];
        if (other->known && other->is.error.code == 0 && other->is.device == disk->is.device)
            str_printf(&w->text, " %s (%s)", other->name, other->path);
    }
    str_puts(&w->next, "Work goes on while there is room. Where there is none, tickets wait where they are.");
    str_puts(&w->todo, "df -h ");
    str_shell(&w->todo, disk->path);
}

/* ---- what should have come ---- */

uint64_t incident_came(const struct service *s, const char *client)
{
    int today = clock_local_date(s->rt.clock->wall_ms(s->rt.clock));
    uint64_t n = stats_client_tickets(s->rt.stats, client);
    for (const struct job *job = jobs_next(&s->jobs, NULL); job; job = jobs_next(&s->jobs, job))
        n += strcmp(job_counted_as(job), client) == 0 && clock_local_date(job->created_ms) == today;
    return n;
}

void words_of_missing(struct words *w, const struct service *s, const struct expect *x, uint64_t came)
{
    char now[CLOCK_STAMP_MAX]; /* the store keeps the words of the beginning */
    clock_plain(s->rt.clock->wall_ms(s->rt.clock), now);
    str_printf(&w->title, "Expected tickets are missing: %s", x->section.name);
    str_printf(&w->text, "At %.5s %llu tickets of %s had come today; at least %lld are expected by %s.", now + 11,
               (unsigned long long)came, x->client, (long long)x->min, x->by);
    str_puts(&w->next, "When they have come it is told. Nothing else waits for them.");
    alerts_command(s->config, &w->todo);
    str_puts(&w->todo, " list --since 1d --client ");
    str_shell(&w->todo, x->client);
}

static void end_of_missing(struct words *w, const struct service *s, const char *name)
{
    const struct section_list *list = &s->config->settings->expects;
    for (size_t i = 0; i < list->count; i++) {
        const struct expect *x = (const struct expect *)list->items[i];
        uint64_t came = incident_came(s, x->client);
        if (strcmp(x->section.name, name) != 0 || came < (uint64_t)x->min)
            continue;
        str_printf(&w->title, "The expected tickets have come: %s", name);
        str_printf(&w->text, "%llu tickets of %s have come today.", (unsigned long long)came, x->client);
        return;
    }
    str_printf(&w->title, "Expected tickets did not come: %s", name);
    str_puts(&w->text, "The day is over, or they are not expected any more.");
}

/* ---- ends ---- */

static const struct lane *lane_of(const struct service *s, const char *name)
{
    const struct lane *lane = s->lanes.lanes;
    while (lane && strcmp(lane->name, name) != 0)
        lane = lane->next;
    return lane;
}

void words_of_end(struct words *w, const struct service *s, enum incident_kind kind, const char *subject)
{
    const struct lane *lane = lane_of(s, subject);
    const char *label = lane ? lane->label : subject;
    switch (kind) {
    case DESTINATION_DOWN:
        str_printf(&w->title, "%s is up again", label);
        str_puts(&w->text, "What waited for it is being delivered.");
        break;
    case DESTINATION_HANGS:
        str_printf(&w->title, "%s answers again", label);
        str_puts(&w->text, "What waited for it is being delivered.");
        break;
    case DESTINATION_HELD:
        str_printf(&w->title, lane && lane->held ? "%s is held, but nothing waits for it any more" : "%s is released",
                   label);
        break;
    case STORE_DEGRADED:
        str_puts(&w->title, "The store is written again");
        str_puts(&w->text, "What had waited to be recorded is in it.");
        break;
    case LEDGER:
        str_puts(&w->title, "The ledger balances again");
        break;
    case DISK_LOW:
        str_printf(&w->title, "The disk of %s has room again", subject);
        break;
    case SCAN_TIMEOUT:
        str_puts(&w->title, "Scans of the hot folders end in time again");
        break;
    case INTAKE_STOPPED:
        str_puts(&w->title, "Tickets can be taken up again");
        break;
    case EXPECTED_MISSING:
        end_of_missing(w, s, subject);
        break;
    case INCIDENT_KINDS:
        break;
    }
}
