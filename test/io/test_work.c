#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/io/work.h"

struct job {
    struct work work;
    uv_loop_t *loop;
    pthread_t ran_on, done_on;
    int ran, done;
    struct job *next; /* submitted by done */
};

static void run(struct work *work)
{
    struct job *job = (struct job *)(void *)work;
    job->ran++;
    job->ran_on = pthread_self();
}

static void done(struct work *work)
{
    struct job *job = (struct job *)(void *)work;
    job->done++;
    job->done_on = pthread_self();
    if (job->next)
        assert_int_equal(work_submit(job->loop, &job->next->work, run, done), 0);
}

static void done_frees(struct work *work)
{
    struct job *job = (struct job *)(void *)work;
    int *count = (int *)(void *)job->loop->data;
    ++*count;
    free(job);
}

static void work_runs_off_the_loop_and_ends_on_it(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct job job = {.loop = &loop};
    assert_int_equal(work_submit(&loop, &job.work, run, done), 0);
    assert_int_equal(job.done, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(job.ran, 1);
    assert_int_equal(job.done, 1);
    assert_true(pthread_equal(job.done_on, pthread_self()));
    assert_false(pthread_equal(job.ran_on, pthread_self()));
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void an_end_may_submit_the_next(void **state)
{
    (void)state;
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct job second = {.loop = &loop};
    struct job first = {.loop = &loop, .next = &second};
    assert_int_equal(work_submit(&loop, &first.work, run, done), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(second.ran, 1);
    assert_int_equal(second.done, 1);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void an_end_may_free_what_holds_the_work(void **state)
{
    (void)state;
    uv_loop_t loop;
    int count = 0;
    uv_loop_init(&loop);
    loop.data = &count;
    for (int i = 0; i < 100; i++) {
        struct job *job = calloc(1, sizeof *job);
        job->loop = &loop;
        assert_int_equal(work_submit(&loop, &job->work, run, done_frees), 0);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(count, 100);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* All wait for each other: with fewer threads than jobs it would never end. */
static pthread_barrier_t barrier;
static void run_together(struct work *work)
{
    pthread_barrier_wait(&barrier);
    run(work);
}

#define THREADS 7
static void the_pool_has_as_many_threads_as_were_set(void **state)
{
    (void)state;
    struct job jobs[THREADS] = {0};
    uv_loop_t loop;
    uv_loop_init(&loop);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(work_submit(&loop, &jobs[i].work, run_together, done), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(jobs[i].done, 1);
    pthread_barrier_destroy(&barrier);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_senseless_number_of_threads_is_refused(void **state)
{
    (void)state;
    assert_int_equal(work_set_threads(0), ERR_USAGE);
    assert_int_equal(work_set_threads(1025), ERR_USAGE);
    assert_string_equal(getenv("UV_THREADPOOL_SIZE"), "7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_runs_off_the_loop_and_ends_on_it),
        cmocka_unit_test(an_end_may_submit_the_next),
        cmocka_unit_test(an_end_may_free_what_holds_the_work),
        cmocka_unit_test(the_pool_has_as_many_threads_as_were_set),
        cmocka_unit_test(a_senseless_number_of_threads_is_refused),
    };
    if (work_set_threads(THREADS) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
