/* test_settle.c: the last act: what becomes of the claimed original and of the failed ticket, on a real file system. */
#include <pthread.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "parts.h"

#define SETTINGS "[delivery]\ndurability = none\n"

/* Its deliveries are done: it goes to settle. */
static void deliver(struct job *job)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        lanes_leave(d); /* out of the queue */
        d->lane->deliveries++;
        jobs_delivery_to(d, DELIVERY_ACTIVE);
        jobs_delivery_to(d, DELIVERY_DONE);
    }
    jobs_advance(job);
}

/* Its delivery failed for good. */
static void fail_delivery(struct job *job, const char *why)
{
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        lanes_leave(d);
        d->lane->deliveries++;
        jobs_delivery_to(d, DELIVERY_ACTIVE);
        if (i > 0)
            error_set(&d->error, ERR_IO, "%s", why);
        d->attempts = i > 0 ? 3 : 0;
        jobs_delivery_to(d, i > 0 ? DELIVERY_FAILED : DELIVERY_DONE);
    }
    jobs_advance(job);
}

static void settle_now(struct parts *p)
{
    settle_pump(&p->settle);
    while (!settle_idle(&p->settle)) {
        uv_run(&p->loop, UV_RUN_ONCE);
        settle_pump(&p->settle);
    }
}

static void assert_balanced(struct parts *p)
{
    int64_t difference;
    assert_true(ledger_balances(&p->rt.ledger, &difference));
}

/* Begins hot/RANK/name with this text. */
static struct job *begin_text(struct parts *p, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    put(in(p->s, path), text);
    /* What is broken is invalid only after it kept still. */
    struct take_item item = ticket_item(name);
    struct take_batch batch = batch_of(p, &item);
    take_run(&batch);
    while (item.taken == TAKEN_WAIT) {
        clock_virtual_advance(&p->clock, item.pause_ms);
        take_item_fini(&item);
        item.source.fd = -1;
        take_run(&batch);
    }
    assert_int_equal(item.taken, TAKEN_CLAIMED);
    assert_int_equal(jobs_begin(&p->jobs, &item, p->rt.routes, WAY_REALTIME, 1, false), 0);
    take_item_fini(&item);
    struct job *job = jobs_find(&p->jobs, "RANK", name);
    assert_non_null(job);
    return job;
}

/* The only entry of failed/RANK that does (or does not) end in .reason.txt; NULL: none. Good until the next call. */
static const char *failed_name(struct scratch *s, const char *folder, bool reason)
{
    static char name[300];
    DIR *dir = opendir(in(s, folder));
    name[0] = '\0';
    if (!dir)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && (strstr(entry->d_name, ".reason.txt") != NULL) == reason)
            snprintf(name, sizeof name, "%s", entry->d_name);
    closedir(dir);
    return name[0] ? name : NULL;
}

static const char *failed_text(struct scratch *s, bool reason)
{
    char path[400];
    const char *name = failed_name(s, "failed/RANK", reason);
    assert_non_null(name);
    snprintf(path, sizeof path, "failed/RANK/%s", name);
    return get(in(s, path));
}

static void a_delivered_ticket_is_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    deliver(begin(p));
    settle_now(p);
    assert_false(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->jobs.count, 0);
    assert_int_equal(p->rt.ledger.delivered, 1);
    assert_int_equal(p->returned, 0);
    assert_balanced(p);
    parts_free(p);
}

static void many_are_removed_in_few_requests(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS "[intake]\nbatch_size = 7\n", ROUTES_ONE);
    for (int i = 0; i < 100; i++)
        deliver(begin(p));
    settle_now(p);
    assert_int_equal(entries(in(*state, "under/0/RANK")), 0);
    assert_int_equal(p->rt.ledger.delivered, 100);
    assert_balanced(p);
    parts_free(p);
}

static void what_was_written_to_meanwhile_is_returned_not_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    /* The claimed file is still open in its producer's hands: opening it again breaks our lease. */
    int writer = open(in(*state, "under/0/RANK/t0.json"), O_WRONLY | O_APPEND | O_NONBLOCK);
    if (writer < 0)
        assert_int_equal(errno, EWOULDBLOCK);
    deliver(job);
    settle_now(p);
    assert_true(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->returned, 1);
    assert_int_equal(p->rt.ledger.returned, 1);
    assert_balanced(p);
    if (writer >= 0)
        close(writer);
    parts_free(p);
}

/* It waited in between, so that no lease tells. */
static void what_changed_while_it_waited_is_returned_not_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    source_close(&job->source);
    put(in(*state, "under/0/RANK/t0.json"), TICKET("RANK") " ");
    deliver(job);
    settle_now(p);
    assert_file(in(*state, "under/0/RANK/t0.json"), TICKET("RANK") " ");
    assert_int_equal(p->returned, 1);
    parts_free(p);
}

static void what_somebody_has_open_for_writing_is_returned_not_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    source_close(&job->source);
    int writer = open(in(*state, "under/0/RANK/t0.json"), O_WRONLY);
    deliver(job);
    settle_now(p);
    close(writer);
    assert_true(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->returned, 1);
    parts_free(p);
}

static void what_waited_and_kept_still_is_removed(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p);
    source_close(&job->source);
    deliver(job);
    settle_now(p);
    assert_false(exists(in(*state, "under/0/RANK/t0.json")));
    assert_int_equal(p->rt.ledger.delivered, 1);
    parts_free(p);
}

static void what_somebody_took_away_is_done(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin(p), *waited = begin(p);
    source_close(&waited->source);
    scratch_remove(in(*state, "under/0/RANK"));
    deliver(job);
    deliver(waited);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    assert_int_equal(logged(*state, "settle_failed"), 0);
    assert_balanced(p);
    parts_free(p);
}

static void an_invalid_ticket_is_set_aside_with_its_reason(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    char stamp[CLOCK_STAMP_MAX], wanted[300], path[400];
    struct stat st;
    begin_text(p, "bad.json", "{\n nonsense");
    assert_int_equal(stat(in(s, "under/0/RANK/bad.json"), &st), 0);
    clock_file_stamp((int64_t)st.st_ctim.tv_sec * 1000, stamp);
    settle_now(p);
    assert_false(exists(in(s, "under/0/RANK/bad.json")));
    assert_string_equal(failed_text(s, false), "{\n nonsense");
    snprintf(wanted, sizeof wanted, "%s_bad.json", stamp);
    assert_string_equal(failed_name(s, "failed/RANK", false), wanted);
    snprintf(wanted, sizeof wanted, "%s_bad.json.reason.txt", stamp);
    assert_string_equal(failed_name(s, "failed/RANK", true), wanted);
    const char *reason = failed_text(s, true);
    assert_non_null(strstr(reason, "line 2"));
    assert_non_null(strstr(reason, "RANK"));
    snprintf(path, sizeof path, "%s/hot/RANK/bad.json", s->root);
    assert_non_null(strstr(reason, path));
    assert_int_equal(p->rt.ledger.failed, 1);
    assert_balanced(p);
    parts_free(p);
}

static void the_command_in_the_reason_puts_the_ticket_back(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    const char *name = "it's $(touch x); `y` \"z\" %s.json", *text = "{ nonsense";
    char path[400];
    begin_text(p, name, text);
    settle_now(p);
    const char *command = strstr(failed_text(s, true), "\n  mv ");
    assert_non_null(command);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "hot/RANK/%s", name);
    assert_file(in(s, path), text);
    assert_null(failed_name(s, "failed/RANK", false));
    parts_free(p);
}

static void a_failed_delivery_is_told_with_its_attempts_and_the_others(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    fail_delivery(begin(p), "the disk is on fire");
    settle_now(p);
    assert_string_equal(failed_text(*state, false), TICKET("RANK"));
    const char *reason = failed_text(*state, true);
    assert_non_null(strstr(reason, "the disk is on fire"));
    assert_non_null(strstr(reason, "after 3 attempts"));
    assert_non_null(strstr(reason, "archive: delivered as t0.json"));
    parts_free(p);
}

static void no_reason_is_written_where_the_settings_say_so(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    p->config->settings->reason_files = false;
    begin_text(p, "bad.json", "nonsense");
    settle_now(p);
    assert_int_equal(entries(in(*state, "failed/RANK")), 1);
    parts_free(p);
}

static void a_ticket_from_the_hot_root_fails_right_in_the_failed_folder(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    put(in(s, "hot/a.json"), TICKET("RANK"));
    struct take_item item = {.client = "", .name = "a.json", .kind = NAME_TICKET, .source.fd = -1};
    struct take_batch batch = batch_of(p, &item);
    take_run(&batch);
    assert_int_equal(jobs_begin(&p->jobs, &item, p->rt.routes, WAY_STARTUP, 1, false), 0);
    take_item_fini(&item);
    settle_now(p);
    assert_non_null(failed_name(s, "failed", false));
    assert_int_equal(entries(in(s, "failed")), 2);
    parts_free(p);
}

static void two_failures_of_one_name_in_one_second_keep_both_with_their_reasons(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    for (int i = 0; i < 3; i++) { /* three, so that two fall into one second in any case */
        char text[32];
        snprintf(text, sizeof text, "nonsense %d", i);
        begin_text(p, "bad.json", text);
        settle_now(p);
    }
    assert_int_equal(entries(in(s, "failed/RANK")), 6);
    size_t seen = 0;
    DIR *dir = opendir(in(s, "failed/RANK"));
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[400];
        if (entry->d_name[0] == '.' || strstr(entry->d_name, ".reason.txt"))
            continue;
        snprintf(path, sizeof path, "failed/RANK/%s", entry->d_name);
        seen |= (size_t)1 << (get(in(s, path))[9] - '0');
        snprintf(path, sizeof path, "failed/RANK/%s.reason.txt", entry->d_name);
        assert_non_null(strstr(get(in(s, path)), entry->d_name)); /* it is that ticket's own */
    }
    closedir(dir);
    assert_int_equal(seen, 7);
    parts_free(p);
}

static void a_failed_ticket_that_is_being_mended_is_returned(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    struct job *job = begin_text(p, "bad.json", "nonsense");
    source_close(&job->source);
    put(in(s, "under/0/RANK/bad.json"), TICKET("RANK"));
    settle_now(p);
    assert_file(in(s, "under/0/RANK/bad.json"), TICKET("RANK"));
    assert_int_equal(p->returned, 1);
    assert_null(failed_name(s, "failed/RANK", false));
    parts_free(p);
}

static void a_failed_ticket_that_somebody_took_away_ends_its_job(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct job *job = begin_text(p, "bad.json", "nonsense"), *other = begin_text(p, "worse.json", "nonsense");
    source_close(&other->source);
    assert_int_equal(job->state, JOB_FAILING);
    unlink(in(*state, "under/0/RANK/bad.json"));
    unlink(in(*state, "under/0/RANK/worse.json"));
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    assert_int_equal(logged(*state, "settle_failed"), 0);
    assert_balanced(p);
    parts_free(p);
}

static void what_an_earlier_try_moved_already_is_failed_not_tried_for_ever(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    char stamp[CLOCK_STAMP_MAX], path[400];
    struct job *job = begin_text(p, "bad.json", "nonsense");
    clock_file_stamp(job->print.ctime_ns / 1000000, stamp);
    make_folder(s, "failed/RANK");
    snprintf(path, sizeof path, "failed/RANK/%s_bad.json", stamp);
    assert_int_equal(rename(in(s, "under/0/RANK/bad.json"), in(s, path)), 0);
    source_close(&job->source);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    assert_int_equal(p->rt.ledger.failed, 1);
    assert_true(exists(in(s, path)));
    parts_free(p);
}

static void a_failed_folder_that_cannot_be_written_is_tried_again_until_it_can(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    put(in(s, "failed"), "not a folder");
    begin_text(p, "bad.json", "nonsense");
    settle_now(p);
    for (int i = 0; i < 5; i++) {
        assert_true(exists(in(s, "under/0/RANK/bad.json")));
        assert_int_equal(p->jobs.count, 1);
        assert_balanced(p);
        advance(p, 64000);
        settle_now(p);
    }
    unlink(in(s, "failed"));
    advance(p, 64000);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    assert_string_equal(failed_text(s, false), "nonsense");
    parts_free(p);
}

struct swapper {
    char a[128], b[128];
    bool stop;
};

static void *swap_always(void *arg)
{
    struct swapper *w = arg;
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE))
        renameat2(AT_FDCWD, w->a, AT_FDCWD, w->b, RENAME_EXCHANGE);
    return NULL;
}

/* Whoever may write there puts a link in the folder's place, at any moment. */
static void nothing_is_written_through_a_link_in_the_failed_folder(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    struct scratch *s = *state;
    struct swapper w = {.stop = false};
    pthread_t thread;
    make_folder(s, "outside");
    make_folder(s, "failed/RANK");
    assert_int_equal(symlink(in(s, "outside"), in(s, "failed/link")), 0);
    snprintf(w.a, sizeof w.a, "%s", in(s, "failed/RANK"));
    snprintf(w.b, sizeof w.b, "%s", in(s, "failed/link"));
    assert_int_equal(pthread_create(&thread, NULL, swap_always, &w), 0);
    for (int i = 0; i < 200; i++) {
        char name[32], text[32];
        snprintf(name, sizeof name, "bad%d.json", i);
        snprintf(text, sizeof text, "nonsense %d", i);
        begin_text(p, name, text);
    }
    for (settle_now(p); p->jobs.count > 0; settle_now(p))
        advance(p, 64000);
    __atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    bool swapped = readlink(w.a, (char[8]){0}, 8) > 0;
    assert_int_equal(entries(in(s, "outside")), 0);
    assert_int_equal(entries(swapped ? w.b : w.a), 400);
    parts_free(p);
}

/* A real full disk: as root only. */
static void a_full_disk_keeps_the_ticket_until_there_is_room(void **state)
{
    struct scratch *s = *state;
    make_folder(s, "failed");
    if (mount("tmpfs", in(s, "failed"), "tmpfs", 0, "size=64k") != 0) {
        print_message("no small disk can be mounted here: %s\n", strerror(errno));
        skip();
    }
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    int filler = open(in(s, "failed/filler"), O_WRONLY | O_CREAT, 0644);
    char block[4096] = {0};
    while (write(filler, block, sizeof block) > 0)
        continue;
    close(filler);
    begin_text(p, "bad.json", "nonsense");
    settle_now(p);
    assert_file(in(s, "under/0/RANK/bad.json"), "nonsense");
    assert_int_equal(p->jobs.count, 1);
    unlink(in(s, "failed/filler"));
    advance(p, 64000);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    assert_string_equal(failed_text(s, false), "nonsense");
    assert_false(exists(in(s, "under/0/RANK/bad.json")));
    assert_non_null(failed_text(s, true));
    parts_free(p);
    assert_int_equal(umount(in(s, "failed")), 0);
}

static void a_job_that_waits_for_another_try_is_freed_at_the_end(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    put(in(*state, "failed"), "not a folder");
    begin_text(p, "bad.json", "nonsense");
    settle_now(p);
    assert_int_equal(p->jobs.count, 1);
    parts_free(p); /* the leak check sees the rest */
}

/* Whatever allocations fail: each ticket is in underprocess or settled, and settled in the end. */
static void delay_by(struct scratch *s, size_t in_a_row)
{
    SCARCE_SWEEP (n) {
        struct parts *p = parts_new(s, SETTINGS, ROUTES_ONE);
        struct job *good = begin(p);
        begin_text(p, "bad.json", "nonsense");
        fill_waits(&p->rt, 0);
        scarce_begin(n, in_a_row);
        deliver(good);
        for (int i = 0; i < 5 && p->jobs.count > 0; i++) {
            for (int k = 0; k < 100 && !settle_idle(&p->settle); k++) {
                settle_pump(&p->settle);
                if (p->settle.remove.active + p->settle.aside.active > 0)
                    uv_run(&p->loop, UV_RUN_ONCE);
            }
            assert_int_equal(p->jobs.count,
                             exists(in(s, "under/0/RANK/t0.json")) + exists(in(s, "under/0/RANK/bad.json")));
            advance(p, 64000);
        }
        scarce_end();
        assert_int_equal(p->jobs.count, 0);
        assert_int_equal(p->rt.ledger.delivered, 1);
        assert_int_equal(p->rt.ledger.failed, 1);
        assert_string_equal(failed_text(s, false), "nonsense");
        assert_non_null(strstr(failed_text(s, true), "invalid JSON"));
        scratch_remove(in(s, "failed"));
        parts_free(p);
    }
}

static void no_memory_only_delays(void **state)
{
    delay_by(*state, 1);
    delay_by(*state, 3);
}

static void a_request_without_memory_wakes_the_loop_for_another(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    begin_text(p, "bad.json", "nonsense");
    scarce_begin(1, 1);
    settle_pump(&p->settle);
    assert_true(scarce_end());
    assert_int_equal(p->settle.remove.active + p->settle.aside.active, 0);
    assert_int_equal(p->rt.waits.count, 1);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    parts_free(p);
}

#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_delivered_ticket_is_removed),
        T(many_are_removed_in_few_requests),
        T(what_was_written_to_meanwhile_is_returned_not_removed),
        T(what_changed_while_it_waited_is_returned_not_removed),
        T(what_somebody_has_open_for_writing_is_returned_not_removed),
        T(what_waited_and_kept_still_is_removed),
        T(what_somebody_took_away_is_done),
        T(an_invalid_ticket_is_set_aside_with_its_reason),
        T(the_command_in_the_reason_puts_the_ticket_back),
        T(a_failed_delivery_is_told_with_its_attempts_and_the_others),
        T(no_reason_is_written_where_the_settings_say_so),
        T(a_ticket_from_the_hot_root_fails_right_in_the_failed_folder),
        T(two_failures_of_one_name_in_one_second_keep_both_with_their_reasons),
        T(a_failed_ticket_that_is_being_mended_is_returned),
        T(a_failed_ticket_that_somebody_took_away_ends_its_job),
        T(what_an_earlier_try_moved_already_is_failed_not_tried_for_ever),
        T(a_failed_folder_that_cannot_be_written_is_tried_again_until_it_can),
        T(nothing_is_written_through_a_link_in_the_failed_folder),
        T(a_full_disk_keeps_the_ticket_until_there_is_room),
        T(a_job_that_waits_for_another_try_is_freed_at_the_end),
        T(a_request_without_memory_wakes_the_loop_for_another),
        T(no_memory_only_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
