/* test_control.c: what is asked of a whole service by its control socket, and what is cancelled, put back and followed. */
#include <semaphore.h>

#include "shunt/service/feed.h"

#include "control.h"

#define QUEUE       64 /* calls that wait */
#define CLIENTS     100
#define STREAM_ROOM 262144

static void add_failed(struct world *w, const char *id, const char *name)
{
    struct error e = {0};
    struct store *store;
    char file[64];
    snprintf(file, sizeof file, "failed/RANK/20260206_153046_%s", name);
    put(in(w->s, file), TICKET("RANK"));
    const struct store_job job = {.id = id,
                                  .source = "ticket",
                                  .phase = "REALTIME",
                                  .folder = "RANK",
                                  .name = name,
                                  .client = "RANK",
                                  .path = in(w->s, file),
                                  .status = STATUS_FAILED,
                                  .created_ms = 1770388246000,
                                  .error = "why"};
    const struct config *config = w->service->config;
    assert_int_equal(store_open(&store, config->settings->store_url, config->data, STORE_WRITE, &e), 0);
    assert_int_equal(store_record(store, &job, 1, &e), 0);
    store_close(store);
}

struct blocker {
    struct work work;
    sem_t go;
    bool done;
};

static void wait_for_word(struct work *work)
{
    sem_wait(&((struct blocker *)work)->go);
}

static void on_unblocked(struct work *work)
{
    ((struct blocker *)work)->done = true;
}

static void block(struct world *w, struct blocker *b)
{
    *b = (struct blocker){.done = false};
    sem_init(&b->go, 0, 0);
    assert_int_equal(work_submit(&w->service->loop, &b->work, wait_for_word, on_unblocked), 0);
}

static void unblock(struct world *w, struct blocker *b)
{
    sem_post(&b->go);
    while (!b->done)
        turn(w, NULL);
    sem_destroy(&b->go);
}

static void more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_answered(void **state)
{
    struct world w = world_new(*state);
    struct blocker blocker;
    struct client clients[CLIENTS];
    size_t refused = 0, fine = 0;
    block(&w, &blocker);
    for (size_t i = 0; i < CLIENTS; i++) {
        connect_to(&w, &clients[i]);
        say(&clients[i], "GET", "/jobs", "");
    }
    while (refused < CLIENTS - QUEUE - 1) {
        turn(&w, NULL);
        refused = 0;
        for (size_t i = 0; i < CLIENTS; i++) {
            hear(&clients[i]);
            refused += clients[i].ended && status_of(&clients[i]) == 503;
        }
    }
    assert_int_equal(ask(&w, "GET", "/destinations", ""), 200); /* the loop goes on */
    assert_int_equal(ask(&w, "GET", "/status", ""), 200);       /* without totals */
    unblock(&w, &blocker);
    for (size_t i = 0; i < CLIENTS; i++) {
        fine += answer_of(&w, &clients[i]) == 200;
        hang_up(&clients[i]);
    }
    assert_int_equal(fine, QUEUE + 1);
    world_free(&w);
}

static void a_stop_waits_for_the_answer_in_work_and_begins_no_other(void **state)
{
    struct world w = world_new(*state);
    struct blocker blocker;
    struct client first, second, status;
    add_failed(&w, "id", "x.json");
    assert_int_equal(ask(&w, "GET", "/jobs", ""), 200); /* the store is open */
    block(&w, &blocker);
    connect_to(&w, &first);
    say(&first, "GET", "/jobs", "");
    assert_int_equal(ask(&w, "GET", "/destinations", ""), 200); /* by now the first is in work */
    service_stop(w.service);
    connect_to(&w, &second);
    say(&second, "POST", "/retry", "{\"all\":true}");
    assert_int_equal(answer_of(&w, &second), 503);
    connect_to(&w, &status);
    say(&status, "GET", "/status", "");
    assert_int_equal(answer_of(&w, &status), 200);
    assert_non_null(strstr(status.in.bytes, "\"draining\""));
    assert_non_null(strstr(status.in.bytes, "\"totals\":null"));
    assert_int_equal(ask(&w, "POST", "/scan", ""), 503);
    assert_false(w.service->closing);
    unblock(&w, &blocker);
    assert_int_equal(answer_of(&w, &first), 200);
    assert_true(exists(in(w.s, "failed/RANK/20260206_153046_x.json")));
    hang_up(&first);
    hang_up(&second);
    hang_up(&status);
    world_free(&w);
}

static void who_hangs_up_before_the_answer_leaves_nothing(void **state)
{
    struct world w = world_new(*state);
    struct blocker blocker;
    struct client client;
    block(&w, &blocker);
    for (int i = 0; i < 10; i++) {
        connect_to(&w, &client);
        say(&client, i % 2 ? "GET" : "POST", i % 2 ? "/jobs/x" : "/retry", i % 2 ? "" : "{\"ids\":[\"x\"]}");
        assert_int_equal(ask(&w, "GET", "/destinations", ""), 200);
        hang_up(&client);
    }
    unblock(&w, &blocker);
    assert_int_equal(ask(&w, "GET", "/jobs", ""), 200);
    world_free(&w);
}

static void no_memory_for_an_answer_is_told_and_the_next_one_comes(void **state)
{
    struct world w = world_new(*state);
    add_failed(&w, "01234567-aaaa", "x.json");
    ask_short_of_memory(&w, "GET", "/status", "", 200, false);
    ask_short_of_memory(&w, "GET", "/destinations", "", 200, false);
    ask_short_of_memory(&w, "GET", "/jobs?status=failed&client=RANK&since=2020-01-01&limit=5", "", 200, false);
    ask_short_of_memory(&w, "GET", "/jobs?status=x", "", 400, false);
    ask_short_of_memory(&w, "GET", "/jobs/01234567-aaaa", "", 200, true);
    ask_short_of_memory(&w, "GET", "/jobs/nothing", "", 404, false);
    ask_short_of_memory(&w, "POST", "/jobs/01234567-aaaa/cancel", "", 409, true);
    ask_short_of_memory(&w, "POST", "/destinations/a/hold", "", 200, false);
    ask_short_of_memory(&w, "POST", "/destinations/a/release", "", 200, false);
    ask_short_of_memory(&w, "POST", "/scan", "", 202, false);
    ask_short_of_memory(&w, "GET", "/stats", "", 200, false);
    ask_short_of_memory(&w, "GET", "/stats?date=2020-02-06", "", 404, false);
    ask_short_of_memory(&w, "GET", "/clients", "", 200, false);
    ask_short_of_memory(&w, "GET", "/routes", "", 200, false);
    ask_short_of_memory(&w, "GET", "/settings", "", 200, false);
    ask_short_of_memory(&w, "POST", "/explain?client=RANK", TICKET("RANK"), 200, false);
    ask_short_of_memory(&w, "POST", "/retry", "{\"all\":true,\"dry_run\":true}", 200, true);
    world_free(&w);
}

static void no_memory_while_tickets_go_back_loses_none(void **state)
{
    struct world w = world_new(*state);
    const char *failed = "failed/RANK/20260206_153046_x.json", *hot = "hot/RANK/x.json";
    add_failed(&w, "01234567-aaaa", "x.json");
    SCARCE_SWEEP (n) {
        rest(&w);
        scarce_begin(n, 1);
        scarce_spare_json();
        int status = ask(&w, "POST", "/retry", n % 2 ? "{\"all\":true}" : "{\"ids\":[\"x.json\"]}");
        bool hit = scarce_end();
        assert_true(status == 200 || (hit && (status == 503 || status == 0)));
        assert_true(exists(in(w.s, failed)) != exists(in(w.s, hot)));
        if (!hit)
            assert_true(exists(in(w.s, hot)));
        if (exists(in(w.s, hot)))
            assert_int_equal(rename(in(w.s, hot), in(w.s, failed)), 0);
    }
    world_free(&w);
}

/* A ticket whose destinations are held, in the service's hands. */
static void begin_waiting(struct world *w)
{
    put(in(w->s, "hot/RANK/w.json"), TICKET("RANK"));
    assert_true(intake_see(&w->service->intake, "RANK", "w.json", WAY_REALTIME, false, false));
    while (w->service->rt.ledger.waiting == 0)
        turn(w, NULL);
}

/* As many as it says are through, the last one too. */
static void until_failed(struct world *w, size_t count)
{
    int64_t difference;
    while (w->service->rt.ledger.failed < count || w->service->jobs.count > 0)
        turn(w, NULL);
    assert_true(ledger_balances(&w->service->rt.ledger, &difference));
}

static void a_job_that_waits_is_told_of_without_memory_too_and_then_cancelled(void **state)
{
    struct world w = world_new(*state);
    size_t count = 0;
    assert_int_equal(ask(&w, "POST", "/destinations/a/hold", ""), 200);
    assert_int_equal(ask(&w, "POST", "/destinations/b/hold", ""), 200);
    begin_waiting(&w);
    ask_short_of_memory(&w, "GET", "/jobs/w.json", "", 200, false);
    ask_short_of_memory(&w, "GET", "/deliveries", "", 200, false);
    assert_int_equal(ask(&w, "POST", "/jobs/w.json/cancel", ""), 200);
    until_failed(&w, ++count);
    SCARCE_SWEEP (n) {
        begin_waiting(&w);
        rest(&w);
        scarce_begin(n, 1);
        int status = ask(&w, "POST", "/jobs/w.json/cancel", "");
        bool hit = scarce_end();
        assert_true(status == 200 || (hit && (status == 503 || status == 0)));
        int again = status == 200 ? 409 : ask(&w, "POST", "/jobs/w.json/cancel", "");
        assert_true(again == 200 || again == 409); /* or it was done, and could not be told */
        until_failed(&w, ++count);
    }
    world_free(&w);
}

static bool told(const struct client *client, const char *word)
{
    return client->in.len > 0 && strstr(client->in.bytes, word) != NULL;
}

/* Until it is told of one of them. False: its stream has ended. */
static bool is_told(struct world *w, struct client *client, const char *word, const char *other)
{
    while (hear(client), !client->ended && !told(client, word) && !told(client, other)) {
        feed_tick(w->service->jobs.feed);
        turn(w, client);
    }
    return !client->ended;
}

static void who_follows_is_told_all_or_begins_anew_or_is_cut_without_memory(void **state)
{
    struct world w = world_new(*state);
    assert_int_equal(ask(&w, "POST", "/destinations/a/hold", ""), 200);
    assert_int_equal(ask(&w, "POST", "/destinations/b/hold", ""), 200);
    begin_waiting(&w);
    const struct job *job = jobs_next(&w.service->jobs, NULL);
    SCARCE_SWEEP (n) {
        struct client client;
        char number[32];
        rest(&w);
        connect_to(&w, &client);
        str_reserve(&client.in, STREAM_ROOM); /* the client's own memory does not fail */
        scarce_begin(n, 1);
        say(&client, "GET", "/events", "");
        bool follows = is_told(&w, &client, "event: status", "event: status");
        snprintf(number, sizeof number, "\"ms\":%zu.0", n);
        feed_job(w.service->jobs.feed, job, STATUS_PENDING, (double)n);
        follows = follows && is_told(&w, &client, "event: job", "event: reset");
        bool hit = scarce_end();
        assert_true(hit || (follows && told(&client, "event: job")));
        if (told(&client, "event: job"))
            assert_true(told(&client, number));
        hang_up(&client);
    }
    world_free(&w);
}

int main(void)
{
    make_pool_of_one();
    const struct CMUnitTest tests[] = {
        T(more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_answered),
        T(a_stop_waits_for_the_answer_in_work_and_begins_no_other),
        T(who_hangs_up_before_the_answer_leaves_nothing),
        T(no_memory_for_an_answer_is_told_and_the_next_one_comes),
        T(no_memory_while_tickets_go_back_loses_none),
        T(a_job_that_waits_is_told_of_without_memory_too_and_then_cancelled),
        T(who_follows_is_told_all_or_begins_anew_or_is_cut_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
