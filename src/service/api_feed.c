/* api_feed.c: the stream of events, and the status that is sent in it. What changes all the time is told so coarsely
 * that it is news only now and then. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shunt/service/health.h"
#include "shunt/service/snapshot.h"

#include "control_inner.h"

#define MIB (1024 * 1024)

/* Resident; 0: not known. /proc is no disk. */
static int64_t memory_bytes(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *resident = strchr(text, ' ');
    return resident ? strtoll(resident, NULL, 10) * sysconf(_SC_PAGESIZE) : 0;
}

static json_t *status_of(struct service *s, const struct minutes *minutes)
{
    const struct stats_totals *today = stats_totals_of(s->rt.stats);
    int64_t loop_ms = (int64_t)(s->rt.meter.recent_ns / 1000000) / 10 * 10;
    s->rt.meter.recent_ns = 0;
    return json_pack("{s:s, s:o, s:o, s:{s:I, s:I}, s:I, s:I, s:o, s:o, s:I, s:I}", "health", api_health(s), "queue",
                     snapshot_queue(s), "ledger", snapshot_ledger(s), "today", "processed",
                     (json_int_t)today->processed, "failed", (json_int_t)today->errors, "per_minute",
                     (json_int_t)minutes_rate(minutes, runtime_now(&s->rt)), "oldest_waiting_ms",
                     (json_int_t)(health_oldest_ms(s) / 1000 * 1000), "destinations", snapshot_destinations(s),
                     "degraded", api_degraded(s, NULL), "memory_bytes", (json_int_t)(memory_bytes() / MIB * MIB),
                     "loop_ms", (json_int_t)loop_ms);
}

static int append(const char *bytes, size_t len, void *out)
{
    str_add(out, bytes, len);
    return 0;
}

void api_write_status(void *control, struct str *out)
{
    struct control *c = control;
    json_t *status = status_of(c->service, feed_minutes(c->feed));
    str_printf(out, "{\"last\":%s,", feed_last(c->feed));
    if (status && json_dump_callback(status, append, out, JSON_COMPACT | JSON_EMBED) == 0)
        str_puts(out, "}");
    else
        out->failed = true;
    json_decref(status);
}

void api_events(struct http_request *request, void *context)
{
    struct control *c = context;
    feed_follow(c->feed, request);
}
