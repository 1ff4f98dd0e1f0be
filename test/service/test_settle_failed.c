/* test_settle_failed.c: what becomes of the failed ticket, and what is told beside it. */
#include <pthread.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "settling.h"

/* Its delivery failed for good. */
static void fail_delivery(struct job *job, const char *why)
{
    struct error error = {0};
    error_set(&error, ERR_IO, "%s", why);
    for (size_t i = 0; i < job->n_deliveries; i++) {
        struct delivery *d = &job->deliveries[i];
        lanes_leave(d);
        d->lane->deliveries++;
        jobs_delivery_to(d, DELIVERY_ACTIVE);
        if (i > 0)
            delivery_set_error(d, &error);
        d->attempts = i > 0 ? 3 : 0;
        jobs_delivery_to(d, i > 0 ? DELIVERY_FAILED : DELIVERY_DONE);
    }
    jobs_advance(job);
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

/* The second of its name in this second, moved by an earlier try, or taken away by somebody. */
static const char *settled_beside(struct parts *p, struct scratch *s, bool moved)
{
    static char second[400];
    char stamp[CLOCK_STAMP_MAX], first[400];
    struct job *job = begin_text(p, "bad.json", "nonsense");
    clock_file_stamp(job->print.ctime_ns / 1000000, stamp);
    make_folder(s, "failed/RANK");
    snprintf(first, sizeof first, "failed/RANK/%s_bad.json", stamp);
    snprintf(second, sizeof second, "failed/RANK/%s_2_bad.json", stamp);
    put(in(s, first), "nonsense");
    if (moved)
        assert_int_equal(rename(in(s, "under/0/RANK/bad.json"), in(s, second)), 0);
    else
        unlink(in(s, "under/0/RANK/bad.json"));
    source_close(&job->source);
    settle_now(p);
    assert_int_equal(p->jobs.count, 0);
    return second;
}

static void what_an_earlier_try_moved_beside_another_is_told_by_its_own_name(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    const char *second = settled_beside(p, *state, true);
    assert_int_equal(p->rt.ledger.failed, 1);
    assert_int_equal(logged(*state, "failed"), 1);
    assert_non_null(strstr(get(in(*state, "log")), second));
    parts_free(p);
}

static void what_somebody_took_away_is_not_taken_for_another_that_failed_before(void **state)
{
    struct parts *p = parts_new(*state, SETTINGS, ROUTES_ONE);
    settled_beside(p, *state, false);
    assert_int_equal(p->rt.ledger.failed, 0);
    assert_int_equal(p->rt.ledger.returned, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_invalid_ticket_is_set_aside_with_its_reason),
        T(the_command_in_the_reason_puts_the_ticket_back),
        T(a_failed_delivery_is_told_with_its_attempts_and_the_others),
        T(no_reason_is_written_where_the_settings_say_so),
        T(a_ticket_from_the_hot_root_fails_right_in_the_failed_folder),
        T(two_failures_of_one_name_in_one_second_keep_both_with_their_reasons),
        T(a_failed_ticket_that_is_being_mended_is_returned),
        T(a_failed_ticket_that_somebody_took_away_ends_its_job),
        T(what_an_earlier_try_moved_already_is_failed_not_tried_for_ever),
        T(what_an_earlier_try_moved_beside_another_is_told_by_its_own_name),
        T(what_somebody_took_away_is_not_taken_for_another_that_failed_before),
        T(a_failed_folder_that_cannot_be_written_is_tried_again_until_it_can),
        T(nothing_is_written_through_a_link_in_the_failed_folder),
        T(a_full_disk_keeps_the_ticket_until_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
