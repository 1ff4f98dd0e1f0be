/* test_record.c: what is written of a job: copied whole, kept whole by a store, and made of what the job is. */
#include "shunt/service/record.h"

#include "parts.h"

#define WALL_MS 1770388246000

static const uint8_t hash[STORE_HASH_SIZE] = {1, 2, 3, 255};

static const struct store_delivery deliveries[] = {
    {.destination = "archive",
     .label = "Archive",
     .state = DELIVERY_DONE,
     .attempts = 1,
     .done_ms = 11,
     .final_name = "x.json"},
    {.destination = "a", .label = "To a", .state = DELIVERY_WAITING, .attempts = 2, .next_ms = 12, .error = "full"},
};
static const struct store_event events[] = {
    {.at_ms = 5, .event = "claimed", .text = "REALTIME"},
    {.at_ms = 6, .event = "attempt_failed", .destination = "a", .text = "full \xc3\xbc"},
};

static struct store_job full_row(void)
{
    return (struct store_job){.id = "01990000-0000-7000-8000-000000000001",
                              .source = "ticket",
                              .phase = "REALTIME",
                              .folder = "RANK",
                              .name = "x.json",
                              .client = "RANK LTD",
                              .category = "CELTRA",
                              .studio = "West",
                              .title = "A \"title\"",
                              .path = "/data/under/0/RANK/x.json",
                              .size = 0x123456789,
                              .sha256 = hash,
                              .claim = {.device = 7, .inode = 0xfedcba98, .mtime_ns = -1},
                              .status = STATUS_PENDING,
                              .retries = 3,
                              .crashes = 1,
                              .created_ms = 5,
                              .started_ms = 6,
                              .completed_ms = 7,
                              .error = "not yet",
                              .deliveries = deliveries,
                              .n_deliveries = 2,
                              .events = events,
                              .n_events = 2};
}

static void assert_text(const char *found, const char *wanted)
{
    if (found && wanted)
        assert_string_equal(found, wanted);
    else
        assert_ptr_equal(found, wanted);
}

static void assert_same(const struct store_job *found, const struct store_job *wanted)
{
    const char *const texts[][2] = {{found->id, wanted->id},
                                    {found->source, wanted->source},
                                    {found->phase, wanted->phase},
                                    {found->folder, wanted->folder},
                                    {found->name, wanted->name},
                                    {found->client, wanted->client},
                                    {found->category, wanted->category},
                                    {found->studio, wanted->studio},
                                    {found->title, wanted->title},
                                    {found->path, wanted->path},
                                    {found->error, wanted->error}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_text(texts[i][0], texts[i][1]);
    assert_int_equal(found->size, wanted->size);
    assert_int_equal(found->status, wanted->status);
    assert_int_equal(found->retries, wanted->retries);
    assert_int_equal(found->crashes, wanted->crashes);
    assert_int_equal(found->created_ms, wanted->created_ms);
    assert_int_equal(found->started_ms, wanted->started_ms);
    assert_int_equal(found->completed_ms, wanted->completed_ms);
    assert_int_equal(found->claim.device, wanted->claim.device);
    assert_int_equal(found->claim.inode, wanted->claim.inode);
    assert_int_equal(found->claim.mtime_ns, wanted->claim.mtime_ns);
    if (wanted->sha256)
        assert_memory_equal(found->sha256, wanted->sha256, STORE_HASH_SIZE);
    else
        assert_null(found->sha256);
    assert_int_equal(found->n_deliveries, wanted->n_deliveries);
    for (size_t i = 0; i < wanted->n_deliveries; i++) {
        const struct store_delivery *one = &found->deliveries[i], *other = &wanted->deliveries[i];
        assert_text(one->destination, other->destination);
        assert_text(one->label, other->label);
        assert_text(one->final_name, other->final_name);
        assert_text(one->error, other->error);
        assert_int_equal(one->state, other->state);
        assert_int_equal(one->attempts, other->attempts);
        assert_int_equal(one->next_ms, other->next_ms);
        assert_int_equal(one->done_ms, other->done_ms);
    }
}

static void assert_events(const struct store_job *found, const struct store_event *wanted, size_t count)
{
    assert_int_equal(found->n_events, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(found->events[i].at_ms, wanted[i].at_ms);
        assert_text(found->events[i].event, wanted[i].event);
        assert_text(found->events[i].destination, wanted[i].destination);
        assert_text(found->events[i].text, wanted[i].text);
    }
}

static void a_copy_has_every_field_and_nothing_of_the_original(void **state)
{
    (void)state;
    char name[] = "x.json";
    struct store_job row = full_row();
    row.name = name;
    struct record *r = record_copy(&row);
    assert_non_null(r);
    name[0] = 'y';
    struct store_job wanted = full_row();
    assert_same(&r->row, &wanted);
    assert_events(&r->row, events, 2);
    assert_ptr_not_equal(r->row.deliveries, deliveries);
    assert_ptr_not_equal(r->row.sha256, hash);
    assert_null(r->job);
    record_free(r);
}

static void what_is_not_known_stays_so(void **state)
{
    (void)state;
    struct store_job row = {.id = "i"};
    struct record *r = record_copy(&row);
    assert_non_null(r);
    assert_same(&r->row, &row);
    assert_int_equal(r->row.n_events, 0);
    record_free(r);
    record_free(NULL);
}

static int keep(void *user, const struct store_job *row)
{
    return (*(struct record **)user = record_copy(row)) ? 0 : ERR_NOMEM;
}

/* Of every driver, there and back; events do not come back. */
static void a_store_gives_back_every_field(void **state)
{
    static const char *const urls[] = {"memory:", "sqlite:x.db"};
    for (size_t i = 0; i < 2; i++) {
        struct store *store;
        struct error e = {0};
        struct record *back = NULL;
        struct store_job row = full_row();
        assert_int_equal(store_open(&store, urls[i], ((struct scratch *)*state)->root, STORE_WRITE, &e), 0);
        assert_int_equal(store_record(store, &row, 1, &e), 0);
        assert_int_equal(store_last(store, "RANK", "x.json", NULL, keep, &back, &e), 0);
        assert_non_null(back);
        assert_same(&back->row, &row);
        record_free(back);
        store_close(store);
    }
}

static struct job *begin_one(struct parts *p)
{
    put(in(p->s, "hot/RANK/x.json"),
        "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"RANK\",\"JobCategory\":\"CELTRA\","
        "\"StudioCode\":\"West\",\"Title\":\"A title\"}}}");
    struct job *job = take_up(p, "x.json");
    assert_non_null(job);
    return job;
}

static void a_job_that_waits_says_for_what(void **state)
{
    struct parts *p = parts_new(*state, "", ROUTES_ONE);
    struct job *job = begin_one(p);
    struct delivery *d = &job->deliveries[1];
    d->state = DELIVERY_WAITING;
    d->attempts = 2;
    d->next_ms = WALL_MS + 500;
    delivery_set_error(d, &(struct error){.code = ERR_NOSPACE, .text = "full"});
    struct record *r = record_of(job, STATUS_PENDING, NULL);
    assert_non_null(r);
    const struct store_job *row = &r->row;
    assert_string_equal(row->id, job->id);
    assert_string_equal(row->path, in(p->s, "under/0/RANK/x.json"));
    assert_int_equal(row->completed_ms, 0);
    assert_int_equal(row->created_ms, WALL_MS);
    assert_string_equal(row->category, "CELTRA");
    assert_string_equal(row->studio, "West");
    assert_string_equal(row->title, "A title");
    assert_string_equal(row->source, "ticket");
    assert_memory_equal(row->sha256, job->content.sha256, STORE_HASH_SIZE);
    assert_int_equal(row->claim.inode, job->print.ino);
    assert_int_equal(row->retries, 2);
    assert_int_equal(row->deliveries[1].next_ms, WALL_MS + 500);
    assert_string_equal(row->deliveries[1].error, "full");
    assert_null(row->error);
    record_free(r);
    d->state = DELIVERY_QUEUED; /* as its lane has it */
    parts_free(p);
}

static void a_completed_one_lies_in_the_archive_under_its_final_name(void **state)
{
    struct parts *p = parts_new(*state, "", ROUTES_ONE);
    struct job *job = begin_one(p);
    clock_virtual_advance(&p->clock, 40);
    for (size_t i = 0; i < 2; i++) {
        struct delivery *d = &job->deliveries[i];
        lanes_dequeue(d);
        delivery_set_error(d, &(struct error){.code = ERR_IO, .text = "of an attempt before"});
        d->attempts = 1;
        d->next_ms = 1;
        jobs_delivery_to(d, DELIVERY_ACTIVE);
        jobs_delivery_to(d, DELIVERY_DONE);
    }
    job->deliveries[0].final_name = mem_strdup("x 2.json");
    struct record *r = record_of(job, STATUS_COMPLETED, NULL);
    assert_non_null(r);
    assert_string_equal(r->row.path, in(p->s, "archive/RANK/x 2.json"));
    assert_int_equal(r->row.completed_ms, WALL_MS + 40);
    assert_int_equal(r->row.deliveries[1].done_ms, WALL_MS + 40);
    assert_int_equal(r->row.deliveries[1].next_ms, 0);
    assert_null(r->row.deliveries[1].error); /* it is over */
    assert_int_equal(r->row.retries, 2);
    record_free(r);
    parts_free(p);
}

static void its_story_is_told_in_order_and_once(void **state)
{
    struct parts *p = parts_new(*state, "", ROUTES_ONE);
    struct job *job = begin_one(p);
    clock_virtual_advance(&p->clock, 10);
    job_note(job, "attempt_failed", "a", "full");
    clock_virtual_advance(&p->clock, 10);
    job_note(job, "retried", NULL, "by somebody");
    error_set(&job->error, ERR_NOSPACE, "a: full");
    struct record *r = record_of(job, STATUS_FAILED, "/data/failed/RANK/x.json");
    assert_non_null(r);
    assert_string_equal(r->row.path, "/data/failed/RANK/x.json");
    assert_string_equal(r->row.error, "a: full");
    const struct store_event wanted[] = {
        {.at_ms = WALL_MS, .event = "claimed", .text = "REALTIME"},
        {.at_ms = WALL_MS + 10, .event = "attempt_failed", .destination = "a", .text = "full"},
        {.at_ms = WALL_MS + 20, .event = "retried", .text = "by somebody"},
        {.at_ms = WALL_MS + 20, .event = "failed", .text = "a: full"}};
    assert_events(&r->row, wanted, 4);
    assert_null(job->events);
    record_free(r);
    parts_free(p);
}

static void one_that_was_never_read_has_no_hash(void **state)
{
    struct parts *p = parts_new(*state, "", ROUTES_ONE);
    struct job *job = begin_one(p);
    memset(job->content.sha256, 0, sizeof job->content.sha256);
    struct record *r = record_of(job, STATUS_FAILED, "/x");
    assert_non_null(r);
    assert_null(r->row.sha256);
    record_free(r);
    parts_free(p);
}

static void without_memory_there_is_no_record_and_the_story_stays(void **state)
{
    struct parts *p = parts_new(*state, "", ROUTES_ONE);
    struct job *job = begin_one(p);
    job_note(job, "retried", NULL, "by somebody");
    SCARCE_SWEEP (n) {
        scarce_begin(n, 1);
        struct record *r = record_of(job, STATUS_PENDING, NULL);
        bool hit = scarce_end();
        assert_true(hit == (r == NULL));
        assert_true((job->events == NULL) == (r != NULL));
        record_free(r);
    }
    parts_free(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_copy_has_every_field_and_nothing_of_the_original),
        T(what_is_not_known_stays_so),
        T(a_store_gives_back_every_field),
        T(a_job_that_waits_says_for_what),
        T(a_completed_one_lies_in_the_archive_under_its_final_name),
        T(its_story_is_told_in_order_and_once),
        T(one_that_was_never_read_has_no_hash),
        T(without_memory_there_is_no_record_and_the_story_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
