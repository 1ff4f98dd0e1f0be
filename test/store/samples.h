/* samples.h: a folder of its own for each test, stores in it, and jobs to record. A failure ends the test. */
#ifndef SHUNT_TEST_SAMPLES_H
#define SHUNT_TEST_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/store/store.h"

#define NOON 1790000000000 /* 2026-09-21T14:13:20Z */

struct sample { /* .job points into the rest, and is changed by tests as they like */
    char id[JOB_ID_SIZE], name[32], path[64];
    uint8_t sha256[STORE_HASH_SIZE];
    struct store_delivery deliveries[3];
    struct store_event events[3];
    struct store_job job;
};

static char folder[64];
static const char *url;

static int make_folder(void **state)
{
    url = *state;
    strcpy(folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/shunt-test-XXXXXX" : "/tmp/shunt-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    mem_set(NULL);
    json_set_alloc_funcs(malloc, free);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static inline const char *in_folder(const char *name)
{
    static char paths[4][160];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static struct store *opened(void)
{
    struct store *s = NULL;
    struct error e = {0};
    if (store_open(&s, url, folder, STORE_WRITE, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(e.text, "");
    return s;
}

/* The n-th: a completed job of client RANK, delivered to the archive and to monday. */
static struct sample *sample(struct sample *m, int n)
{
    *m = (struct sample){0};
    int64_t at = NOON + 1000 * (int64_t)n;
    snprintf(m->id, sizeof m->id, "01990000-0000-7000-8000-%012x", (unsigned)n & 0xffffffu);
    snprintf(m->name, sizeof m->name, "t%d.json", n);
    snprintf(m->path, sizeof m->path, "/data/JSON_STORE/RANK/t%d.json", n);
    memset(m->sha256, n, sizeof m->sha256);
    m->deliveries[0] = (struct store_delivery){"archive", "Archive", DELIVERY_DONE, 0, 0, at + 20, m->name, NULL};
    m->deliveries[1] =
        (struct store_delivery){"monday", "Monday Rank", DELIVERY_DONE, 1, 0, at + 30, m->name, "was full"};
    m->events[0] = (struct store_event){at, "claimed", NULL, "REALTIME"};
    m->events[1] = (struct store_event){at + 30, "delivered", "monday", NULL};
    m->job = (struct store_job){.id = m->id,
                                .source = "ticket",
                                .phase = "REALTIME",
                                .folder = "RANK",
                                .name = m->name,
                                .client = "RANK",
                                .category = "CELTRA",
                                .studio = "West",
                                .title = "A title",
                                .path = m->path,
                                .size = 2345,
                                .sha256 = m->sha256,
                                .claim = {0xffffffffffff0001u, (uint64_t)n, at * 1000000 + 1},
                                .status = STATUS_COMPLETED,
                                .retries = 1,
                                .created_ms = at,
                                .started_ms = at + 1,
                                .completed_ms = at + 40,
                                .deliveries = m->deliveries,
                                .n_deliveries = 2,
                                .events = m->events,
                                .n_events = 2};
    return m;
}

static inline void record(struct store *s, const struct store_job *jobs, size_t n)
{
    struct error e = {0};
    if (store_record(s, jobs, n, &e) != 0) {
        fail_msg("%s", e.text);
    }
}

static inline void record_samples(struct store *s, int from, int until)
{
    for (int n = from; n < until; n++) {
        struct sample m;
        record(s, &sample(&m, n)->job, 1);
    }
}

static inline json_t *list(struct store *s, struct store_filter filter)
{
    struct error e = {0};
    json_t *out;
    if (store_list(s, &filter, &out, &e) != 0) {
        fail_msg("%s", e.text);
    }
    return out;
}

static inline json_t *show(struct store *s, const char *id)
{
    struct error e = {0};
    json_t *out;
    if (store_show(s, id, &out, &e) != 0) {
        fail_msg("%s", e.text);
    }
    return out;
}

static inline json_t *totals(struct store *s)
{
    struct error e = {0};
    json_t *out;
    assert_int_equal(store_totals(s, &out, &e), 0);
    return out;
}

static inline json_int_t total_of(struct store *s, const char *status)
{
    json_t *all = totals(s);
    json_int_t n = json_integer_value(json_object_get(all, status));
    json_decref(all);
    return n;
}

static inline const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "null";
}

/* Asserts that it is this, and lets go of it. */
static inline void assert_json(json_t *value, const char *expected)
{
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY;
    char *text = json_dumps(value, flags);
    json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
    assert_non_null(wanted);
    char *sorted = json_dumps(wanted, flags);
    assert_string_equal(text, sorted);
    free(text);
    free(sorted);
    json_decref(wanted);
    json_decref(value);
}

static inline void assert_no_findings(struct store *s)
{
    struct error e = {0};
    json_t *findings;
    if (store_check(s, &findings, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_json(findings, "[]");
}

/* The names of a page's files, "t3 t2", and lets go of the page. */
static inline const char *names(json_t *page)
{
    static char text[4096];
    size_t i;
    json_t *job;
    text[0] = '\0';
    json_array_foreach (json_object_get(page, "jobs"), i, job) {
        size_t n = strlen(text);
        const char *name = text_of(job, "file");
        snprintf(text + n, sizeof text - n, "%s%.*s", i > 0 ? " " : "", (int)strcspn(name, "."), name);
    }
    json_decref(page);
    return text;
}

#define ON(test, url_) cmocka_unit_test_prestate_setup_teardown(test, make_folder, remove_folder, (void *)(url_))

#endif
