/* metrics_text.c: the metrics in the text format. Out of memory is the string's to tell. */
#include "metrics_inner.h"

static const char *const ticket_ends[TICKET_ENDS] = {"delivered", "archived", "failed", "cancelled", "returned"};
static const char *const delivery_ends[DELIVERY_ENDS] = {"delivered", "failed", "cancelled", "returned"};
static const char *const scan_ends[SCAN_ENDS] = {"completed", "timed_out", "skipped"};
static const char *const http_classes[HTTP_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};

/* A family of a sample, or several, for each of a label's values. */
struct family {
    const char *name, *type, *help;
    void (*put)(struct str *out, const char *name, const struct series *series);
};

static struct label label_of(const char *name, const struct series *series)
{
    return (struct label){name, series->name};
}

static void put_words(struct str *out, const char *name, struct label label, const char *key, const char *const *words,
                      const uint64_t *counts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct label labels[] = {label, {key, words[i]}};
        exposition_count(out, name, labels, 2, counts[i]);
    }
}

/* --- clients --- */

static const struct client_series *client_in(const struct series *series)
{
    return (const struct client_series *)series;
}

static void put_taken(struct str *out, const char *name, const struct series *series)
{
    struct label label = label_of("client", series);
    exposition_count(out, name, &label, 1, client_in(series)->taken);
}

static void put_ended(struct str *out, const char *name, const struct series *series)
{
    put_words(out, name, label_of("client", series), "outcome", ticket_ends, client_in(series)->ended, TICKET_ENDS);
}

static void put_wait(struct str *out, const char *name, const struct series *series)
{
    struct label label = label_of("client", series);
    exposition_histogram(out, name, &label, 1, &client_in(series)->wait);
}

static void put_whole(struct str *out, const char *name, const struct series *series)
{
    struct label label = label_of("client", series);
    exposition_histogram(out, name, &label, 1, &client_in(series)->whole);
}

static const struct family client_families[] = {
    {"shunt_tickets_taken_total", "counter", "Tickets taken up.", put_taken},
    {"shunt_tickets_total", "counter",
     "Tickets that ended: delivered, archived (only), failed, cancelled by a person, or returned (changed meanwhile and "
     "taken up again).",
     put_ended},
    {"shunt_ticket_wait_duration_seconds", "histogram", "From a file's last change to the look that took it up.",
     put_wait},
    {"shunt_ticket_duration_seconds", "histogram", "From a ticket's being taken up to its end.", put_whole},
};

/* --- destinations --- */

static const struct destination_series *destination_in(const struct series *series)
{
    return (const struct destination_series *)series;
}

static void put_deliveries(struct str *out, const char *name, const struct series *series)
{
    put_words(out, name, label_of("destination", series), "outcome", delivery_ends, destination_in(series)->ended,
              DELIVERY_ENDS);
}

static void put_attempts(struct str *out, const char *name, const struct series *series)
{
    static const char *const words[] = {"delivered", "failed"};
    const uint64_t counts[] = {destination_in(series)->delivered, destination_in(series)->failed};
    put_words(out, name, label_of("destination", series), "outcome", words, counts, 2);
}

static void put_delivery(struct str *out, const char *name, const struct series *series)
{
    struct label label = label_of("destination", series);
    exposition_histogram(out, name, &label, 1, &destination_in(series)->delivery);
}

static void put_attempt(struct str *out, const char *name, const struct series *series)
{
    struct label label = label_of("destination", series);
    exposition_histogram(out, name, &label, 1, &destination_in(series)->attempt);
}

static const struct family destination_families[] = {
    {"shunt_deliveries_total", "counter",
     "Deliveries that ended, by destination (archive is the archive): delivered, failed (out of attempts), cancelled, or "
     "returned (the ticket changed meanwhile).",
     put_deliveries},
    {"shunt_delivery_attempts_total", "counter", "Tries of deliveries.", put_attempts},
    {"shunt_delivery_duration_seconds", "histogram", "From a ticket's being taken up to its being delivered.",
     put_delivery},
    {"shunt_delivery_attempt_duration_seconds", "histogram",
     "How long a try took; deliveries of one request took as long as all of it.", put_attempt},
};

static void put_gauge(struct str *out, const char *name, const struct series *series, size_t value)
{
    struct label label = label_of("destination", series);
    if (destination_in(series)->is_there)
        exposition_count(out, name, &label, 1, value);
}

static void put_up(struct str *out, const char *name, const struct series *series)
{
    const struct destination_now *now = &destination_in(series)->now;
    put_gauge(out, name, series, !now->down && now->hanging == 0);
}

static void put_down(struct str *out, const char *name, const struct series *series)
{
    put_gauge(out, name, series, destination_in(series)->now.down);
}

static void put_held(struct str *out, const char *name, const struct series *series)
{
    put_gauge(out, name, series, destination_in(series)->now.held);
}

static void put_hanging(struct str *out, const char *name, const struct series *series)
{
    put_gauge(out, name, series, destination_in(series)->now.hanging);
}

static void put_in_hand(struct str *out, const char *name, const struct series *series)
{
    put_gauge(out, name, series, destination_in(series)->now.in_hand);
}

static void put_queued(struct str *out, const char *name, const struct series *series)
{
    put_gauge(out, name, series, destination_in(series)->now.queued);
}

static void put_requests(struct str *out, const char *name, const struct series *series)
{
    put_gauge(out, name, series, destination_in(series)->now.requests);
}

static const struct family now_families[] = {
    {"shunt_destination_up", "gauge", "1: its breaker is closed and no request hangs.", put_up},
    {"shunt_destination_breaker_open", "gauge", "1: it failed too often in a row; what goes there waits.", put_down},
    {"shunt_destination_held", "gauge", "1: a person holds it.", put_held},
    {"shunt_destination_hanging_requests", "gauge", "Requests that have not come back for longer than [delivery] hang.",
     put_hanging},
    {"shunt_destination_deliveries", "gauge", "Deliveries in hand, in whatever state.", put_in_hand},
    {"shunt_destination_queued_deliveries", "gauge", "Deliveries in hand that no request has taken yet.", put_queued},
    {"shunt_destination_requests", "gauge", "Requests in work.", put_requests},
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* others: told where anything was ever counted under it */
static void put_families(struct str *out, const struct family *families, size_t n, const struct series *all,
                         const struct series *others)
{
    for (size_t i = 0; i < n; i++) {
        exposition_family(out, families[i].name, families[i].type, families[i].help);
        for (const struct series *s = all; s; s = s->hh.next)
            families[i].put(out, families[i].name, s);
        if (others)
            families[i].put(out, families[i].name, others);
    }
}

/* --- the rest --- */

static void put_plain_histogram(struct str *out, const char *name, const char *help, const struct histogram *h)
{
    exposition_family(out, name, "histogram", help);
    exposition_histogram(out, name, NULL, 0, h);
}

static void put_scans(const struct metrics *m, struct str *out)
{
    exposition_family(out, "shunt_scans_total", "counter",
                      "Scans of the hot folders: completed, timed out, or skipped since one was running.");
    for (size_t i = 0; i < SCAN_ENDS; i++) {
        struct label label = {"outcome", scan_ends[i]};
        exposition_count(out, "shunt_scans_total", &label, 1, m->scans[i]);
    }
    exposition_counter(out, "shunt_scans_slow_total", "Scans that took longer than [intake] slow_scan.", m->slow_scans);
    put_plain_histogram(out, "shunt_scan_duration_seconds", "How long a scan was listing.", &m->scan);
}

static void put_store(const struct metrics *m, struct str *out)
{
    exposition_counter(out, "shunt_store_records_total", "Records of tickets written to the store.", m->store_records);
    exposition_counter(out, "shunt_store_failures_total", "Writes to the store that failed.", m->store_failures);
    exposition_counter(out, "shunt_store_lost_total", "Records that found no room while the store was away.",
                       m->store_lost);
    put_plain_histogram(out, "shunt_store_write_duration_seconds", "How long a write to the store took.", &m->store);
}

static void put_http(const struct metrics *m, struct str *out)
{
    exposition_family(out, "shunt_http_requests_total", "counter", "Requests answered, by class of their status.");
    for (size_t i = 0; i < HTTP_CLASSES; i++) {
        struct label label = {"code", http_classes[i]};
        exposition_count(out, "shunt_http_requests_total", &label, 1, m->http[i]);
    }
}

static bool counted(const struct client_series *c)
{
    return c->taken > 0 || histogram_count(&c->whole) > 0;
}

static bool tried(const struct destination_series *d)
{
    return d->is_there || d->delivered + d->failed > 0;
}

void metrics_text(const struct metrics *m, struct str *out)
{
    const struct series *clients = counted(&m->other_clients) ? &m->other_clients.series : NULL;
    const struct series *destinations = tried(&m->other_destinations) ? &m->other_destinations.series : NULL;
    put_families(out, client_families, COUNT(client_families), m->clients, clients);
    put_plain_histogram(
        out, "shunt_ticket_take_duration_seconds",
        "From the look at a file to its being read, claimed, judged and routed; files of one batch took as "
        "long as all of it.",
        &m->take);
    put_plain_histogram(
        out, "shunt_ticket_settle_duration_seconds",
        "From a ticket's last delivery, or its failing, to its being recorded and its original's being gone.",
        &m->settle);
    put_families(out, destination_families, COUNT(destination_families), m->destinations, destinations);
    put_families(out, now_families, COUNT(now_families), m->destinations, destinations);
    put_scans(m, out);
    put_store(m, out);
    put_plain_histogram(out, "shunt_loop_turn_duration_seconds",
                        "How long the loop worked before it looked for events again.", &m->turn);
    put_http(m, out);
}
