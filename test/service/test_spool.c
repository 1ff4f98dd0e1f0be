/* test_spool.c: jobs that were sent, in a service that does not run: what lies in its folder, and without memory. That they
 * are moved and delivered is seen from outside (e2e). */
#include <pthread.h>
#include <stdatomic.h>

#include "../../src/service/spool_inner.h"
#include "running.h"

#define LOOK_MS 10000
#define JOBS    50
#define NOW_MS  INT64_C(1770388246000)
#define MOVES   2000
#define LATER   (30 * 24 * 3600 * INT64_C(1000))
#define TEXT    TICKET("RANK")

struct bench {
    struct scratch *s;
    struct clock_virtual clock;
    struct service *service;
};

static void bench_begin(struct bench *b, void **state)
{
    b->s = *state;
    put_config(b->s, FAST, ROUTES_ONE);
    clock_virtual_init(&b->clock, NOW_MS);
    b->service = start_by(b->s, false, &b->clock.clock);
}

static void bench_end(struct bench *b)
{
    service_free(b->service);
}

/* As another instance accepts them. */
static void accept_jobs(struct scratch *s, unsigned from, unsigned to)
{
    uint8_t hash[SHA256_SIZE];
    struct error e = {0};
    files_sha256(TEXT, strlen(TEXT), hash);
    for (unsigned i = from; i < to; i++) {
        char id[JOB_ID_SIZE], name[32];
        uint8_t random[10] = {[8] = (uint8_t)(i >> 8), [9] = (uint8_t)i};
        job_id_make(NOW_MS, random, id);
        snprintf(name, sizeof name, "j%u.json", i);
        struct store_event event = {.at_ms = NOW_MS, .event = "submitted", .text = "by other"};
        const struct store_job row = {.id = id,
                                      .folder = "RANK",
                                      .name = name,
                                      .client = "RANK",
                                      .size = strlen(TEXT),
                                      .sha256 = hash,
                                      .created_ms = NOW_MS,
                                      .events = &event,
                                      .n_events = 1};
        const struct spool_file file = {
            .row = &row, .run_at_ms = NOW_MS + LATER, .priority = PRIORITY_NORMAL, .bytes = TEXT, .len = strlen(TEXT)};
        assert_int_equal(spool_write(in(s, "scheduled"), &file, 1, 0644, &e), 0);
    }
}

/* Until no thread is at work. */
static void rest(struct bench *b)
{
    const struct service *s = b->service;
    while (!spool_idle(s->spool) || s->storage.active)
        uv_run(&b->service->loop, UV_RUN_ONCE);
}

static void look(struct bench *b)
{
    clock_virtual_advance(&b->clock, LOOK_MS);
    spool_pump(b->service->spool);
    rest(b);
}

/* How many allocations the next look needs. */
static size_t cost_of_look(struct bench *b)
{
    scarce_begin(SCARCE_FOR_EVER, 1);
    look(b);
    size_t asked = atomic_load(&scarce_asked);
    scarce_end();
    return asked;
}

static void what_another_instance_accepted_is_taken_up_and_read_once(void **state)
{
    struct bench b;
    bench_begin(&b, state);
    look(&b); /* the store has done by then what it does at a start */
    accept_jobs(b.s, 0, JOBS);
    size_t first = cost_of_look(&b);
    assert_int_equal(b.service->spool->count, JOBS);
    assert_true(first > (size_t)10 * JOBS);
    assert_true(cost_of_look(&b) < JOBS);
    accept_jobs(b.s, JOBS, JOBS + 1);
    look(&b);
    assert_int_equal(b.service->spool->count, JOBS + 1);
    bench_end(&b);
}

static void what_no_memory_kept_from_being_taken_up_is_taken_up_later(void **state)
{
    struct bench b;
    unsigned jobs = 0;
    bench_begin(&b, state);
    SCARCE_SWEEP (n) {
        accept_jobs(b.s, jobs, jobs + 1);
        jobs++;
        scarce_begin(n, 1);
        scarce_spare_json();
        look(&b);
        scarce_end();
        look(&b);
        assert_int_equal(b.service->spool->count, jobs);
    }
    bench_end(&b);
}

static void without_memory_to_wait_in_a_job_that_cannot_be_moved_is_left_for_later(void **state)
{
    struct scratch *s = *state;
    put_config(s, FAST, ROUTES_ONE);
    make_folder(s, "scheduled");
    accept_jobs(s, 0, 1);
    struct service *service = start_by(s, false, &clock_fast);
    struct spooled *job = service->spool->table;
    assert_true(spool_hold(job));
    job->run_at_ms = 0;
    spool_enter(job);
    fill_waits(&service->rt, 0);
    scarce_begin(2, SCARCE_FOR_EVER); /* none for its path, none for a pause */
    alarm(DEADLINE_MS / 1000);        /* it must end */
    spool_pump(service->spool);
    alarm(0);
    assert_true(scarce_end());
    assert_int_equal(service->spool->n_due, 1);
    run_until(service, s, one_is_through);
    service_free(service);
    assert_file(in(s, "out/a/j0.json"), TEXT);
}

struct remover {
    char path[512];
    atomic_bool stop;
};

static void *remove_again_and_again(void *arg)
{
    struct remover *r = arg;
    while (!atomic_load(&r->stop))
        (void)rmdir(r->path);
    return NULL;
}

/* Another instance had been first: the job would be forgotten. */
static void a_ticket_is_not_gone_though_its_folder_is_removed_under_its_move(void **state)
{
    struct scratch *s = *state;
    struct error e = {0};
    struct store_claim claim;
    struct remover r = {.stop = false};
    char id[JOB_ID_SIZE], ticket[SPOOL_FILE_SIZE];
    pthread_t thread;
    job_id_make(NOW_MS, (uint8_t[10]){0}, id);
    spool_file_name(id, "ticket", ticket);
    const struct store_job row = {.id = id, .folder = "RANK", .name = "j0.json", .size = strlen(TEXT)};
    make_folder(s, "scheduled");
    make_folder(s, "to");
    accept_jobs(s, 0, 1);
    snprintf(r.path, sizeof r.path, "%s/to/RANK", s->root);
    int from = files_open_folder(in(s, "scheduled"), &e), to = files_open_folder(in(s, "to"), &e);
    assert_int_equal(pthread_create(&thread, NULL, remove_again_and_again, &r), 0);
    unsigned gone = 0;
    for (unsigned i = 0; i < MOVES; i++) {
        int rc = spool_move_one(from, to, &row, 0755, false, &claim, &e);
        error_clear(&e);
        gone += rc == ERR_GONE;
        if (rc == 0)
            assert_int_equal(rename(in(s, "to/RANK/j0.json"), in(s, "scheduled/back")), 0);
        if (rc == 0)
            assert_int_equal(renameat(from, "back", from, ticket), 0);
    }
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(gone, 0);
    assert_int_equal(unlinkat(from, ticket, 0), 0);
    assert_int_equal(spool_move_one(from, to, &row, 0755, false, &claim, &e), ERR_GONE);
    close(from);
    close(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_another_instance_accepted_is_taken_up_and_read_once),
        T(what_no_memory_kept_from_being_taken_up_is_taken_up_later),
        T(without_memory_to_wait_in_a_job_that_cannot_be_moved_is_left_for_later),
        T(a_ticket_is_not_gone_though_its_folder_is_removed_under_its_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
