/* store_bench.c: what a completed job costs in the store, and what reading costs when it is full.
 *
 *   build/release/test/store_bench FOLDER JOBS BATCH [clients]
 *
 * Each job: its row, two deliveries, three events. Prints microseconds of processor time (user and system) and of wall
 * time for each job between the marks, then milliseconds of pages that are asked for. FOLDER gets bench.db. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "shunt/store/store.h"

#define BATCH_MAX  1000
#define SAVE_EVERY 10000 /* jobs */
#define START_MS   1790000000000

struct made {
    char id[JOB_ID_SIZE], name[32], client[24], title[48], path[160];
    uint8_t sha256[STORE_HASH_SIZE];
    struct store_delivery deliveries[2];
    struct store_event events[3];
};

static struct made made[BATCH_MAX];
static struct store_job jobs[BATCH_MAX];
static unsigned clients = 50;

static double processor(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static double wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(int rc, const struct error *e)
{
    if (rc) {
        fprintf(stderr, "%s: %s\n", error_name(rc), e->text);
        exit(1);
    }
}

static void make(struct made *m, struct store_job *j, long n)
{
    uint8_t dice[10];
    int64_t now = START_MS + n / 10;
    for (size_t i = 0; i < sizeof dice; i++) {
        dice[i] = (uint8_t)(random() >> 8);
    }
    job_id_make(now, dice, m->id);
    unsigned long name = (unsigned long)random(); /* in no order */
    long client = random() % clients;
    snprintf(m->name, sizeof m->name, "%08lx.json", name);
    snprintf(m->client, sizeof m->client, "CLIENT%ld", client);
    snprintf(m->title, sizeof m->title, "A title of a job, the %ld.", n);
    snprintf(m->path, sizeof m->path, "/srv/production/JSON_STORE/CLIENT%ld/%08lx.json", client, name);
    memcpy(m->sha256, &n, sizeof n);
    m->deliveries[0] = (struct store_delivery){"archive", "archive", DELIVERY_DONE, 0, 0, now + 10, m->name, NULL};
    m->deliveries[1] =
        (struct store_delivery){"monday-rank", "Monday Rank", DELIVERY_DONE, 0, 0, now + 12, m->name, NULL};
    m->events[0] = (struct store_event){now, "claimed", NULL, "REALTIME"};
    m->events[1] = (struct store_event){now + 10, "delivered", "archive", NULL};
    m->events[2] = (struct store_event){now + 12, "delivered", "monday-rank", "12 ms"};
    bool bad = n % 100 == 7;
    *j = (struct store_job){.id = m->id,
                            .source = "ticket",
                            .phase = "REALTIME",
                            .folder = m->client,
                            .name = m->name,
                            .client = m->client,
                            .category = n == 5000 ? "RARE" : "CELTRA",
                            .studio = "West",
                            .title = m->title,
                            .path = m->path,
                            .size = 2345,
                            .sha256 = m->sha256,
                            .claim = {66305, (uint64_t)n, now * 1000000},
                            .status = bad ? STATUS_FAILED : STATUS_COMPLETED,
                            .created_ms = now,
                            .started_ms = now + 1,
                            .completed_ms = now + 12,
                            .error = bad ? "destination monday-rank: No space left on device" : NULL,
                            .deliveries = m->deliveries,
                            .n_deliveries = 2,
                            .events = m->events,
                            .n_events = 3,
                            .outcome = (uint64_t)n + 1};
}

/* As the service does it every few seconds. */
static void save(struct store *s, long n)
{
    struct error e = {0};
    json_t *snapshot = json_pack("{s:{s:I, s:[]}}", "counted", "to", (json_int_t)n, "but");
    must(store_save_snapshot(s, 0, snapshot, &e), &e);
    json_decref(snapshot);
}

static void fill(struct store *s, long total, int batch)
{
    struct error e = {0};
    double spent = 0, waited = 0;
    long mark = 0, every = total / 10 > 0 ? total / 10 : 1;
    for (long n = 0; n < total;) {
        for (int i = 0; i < batch; i++) {
            make(&made[i], &jobs[i], n + i);
        }
        double p = processor(), w = wall();
        must(store_record(s, jobs, (size_t)batch, &e), &e);
        if (n / SAVE_EVERY != (n + batch) / SAVE_EVERY) {
            save(s, n);
        }
        spent += processor() - p;
        waited += wall() - w;
        n += batch;
        if (n - mark >= every || n >= total) {
            printf("%8ld jobs: %6.2f us of processor, %6.2f us in all a job\n", n, spent * 1e6 / (double)(n - mark),
                   waited * 1e6 / (double)(n - mark));
            fflush(stdout);
            mark = n;
            spent = waited = 0;
        }
    }
}

static void page(struct store *s, const char *what, struct store_filter f)
{
    struct error e = {0};
    double worst = 0, first = 0;
    size_t found = 0, pages = 0;
    char before[32];
    for (bool more = true; more && pages < 40; pages++) {
        json_t *out;
        double w = wall();
        must(store_list(s, &f, &out, &e), &e);
        w = (wall() - w) * 1e3;
        first = pages == 0 ? w : first;
        worst = w > worst ? w : worst;
        found += json_array_size(json_object_get(out, "jobs"));
        const char *next = json_string_value(json_object_get(out, "next"));
        more = next && found < 50;
        snprintf(before, sizeof before, "%s", next ? next : "");
        f.before = before;
        json_decref(out);
    }
    printf("%-34s first %7.2f ms, worst %7.2f ms, %zu pages for %zu jobs\n", what, first, worst, pages, found);
}

static int count(void *user, const struct store_job *job)
{
    (void)job;
    ++*(size_t *)user;
    return 0;
}

static void read_all(struct store *s, long total)
{
    struct error e = {0};
    json_t *out;
    double w = wall();
    must(store_totals(s, &out, &e), &e);
    printf("%-34s       %7.2f ms\n", "totals", (wall() - w) * 1e3);
    json_decref(out);
    w = wall();
    size_t n = 0;
    must(store_unfinished(s, count, &n, &e), &e);
    printf("%-34s       %7.2f ms\n", "unfinished", (wall() - w) * 1e3);
    w = wall();
    for (int i = 0; i < 1000; i++) {
        must(store_last(s, "CLIENT1", i % 2 ? "none.json" : jobs[0].name, NULL, count, &n, &e), &e);
    }
    printf("%-34s       %7.3f ms\n", "last by name, mean of 1000", wall() - w);
    w = wall();
    must(store_uncounted(s, 0, count, &n, &e), &e);
    printf("%-34s       %7.2f ms\n", "uncounted", (wall() - w) * 1e3);
    struct store_job none = {.folder = "CLIENT1", .name = "none.json", .sha256 = made[0].sha256};
    struct store_seen seen;
    w = wall();
    for (int i = 0; i < 1000; i++) {
        must(store_seen(s, &none, START_MS + total / 10 - 3600, &seen, &e), &e);
    }
    printf("%-34s       %7.3f ms\n", "seen of late, mean of 1000", wall() - w);
    unsigned failed = 1u << STATUS_FAILED, completed = 1u << STATUS_COMPLETED;
    page(s, "all", (struct store_filter){0});
    page(s, "failed", (struct store_filter){.statuses = failed});
    page(s, "failed of a client", (struct store_filter){.statuses = failed, .client = "client7"});
    page(s, "failed of no client", (struct store_filter){.statuses = failed, .client = "nobody"});
    page(s, "cancelled: none", (struct store_filter){.statuses = 1u << STATUS_CANCELLED});
    page(s, "pending: none", (struct store_filter){.statuses = 1u << STATUS_PENDING});
    page(s, "completed of a client", (struct store_filter){.statuses = completed, .client = "CLIENT7"});
    page(s, "client that is none", (struct store_filter){.client = "nobody"});
    page(s, "category: one old job", (struct store_filter){.category = "rare"});
    page(s, "category: one, and client", (struct store_filter){.category = "rare", .client = "CLIENT7"});
    page(s, "destination", (struct store_filter){.destination = "monday-rank"});
    page(s, "destination that is none", (struct store_filter){.destination = "gone"});
    page(s, "error", (struct store_filter){.error = "NO SPACE"});
    page(s, "error that is none", (struct store_filter){.error = "no such"});
    page(s, "text that is none", (struct store_filter){.text = "no such"});
    page(s, "text of one old job", (struct store_filter){.text = "the 5000."});
    page(s, "name that is none", (struct store_filter){.name = "no such"});
    page(s, "folder", (struct store_filter){.folder = "CLIENT3"});
    page(s, "folder that is none", (struct store_filter){.folder = "no such"});
    page(s, "until the start", (struct store_filter){.until_ms = START_MS + 100});
    page(s, "since late, of a client", (struct store_filter){.since_ms = START_MS + total / 20, .client = "CLIENT7"});
}

int main(int argc, char **argv)
{
    if (argc < 4 || atoi(argv[3]) < 1 || atoi(argv[3]) > BATCH_MAX) {
        fprintf(stderr, "usage: store_bench FOLDER JOBS BATCH [CLIENTS]\n");
        return 2;
    }
    clients = argc > 4 ? (unsigned)atoi(argv[4]) : clients;
    struct error e = {0};
    struct store *s;
    must(store_open(&s, "sqlite:bench.db", argv[1], STORE_WRITE, &e), &e);
    fill(s, atol(argv[2]), atoi(argv[3]));
    read_all(s, atol(argv[2]));
    store_close(s);
    return 0;
}
