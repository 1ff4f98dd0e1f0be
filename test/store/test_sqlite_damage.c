/* Damage, full disks, and files that were removed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "sqlite_files.h"

static void get_file(const char *name, char *bytes, size_t room)
{
    FILE *f = fopen(in_folder(name), "r");
    assert_non_null(f);
    bytes[fread(bytes, 1, room - 1, f)] = '\0';
    fclose(f);
}

/* Opened though damaged: told of, and empty. */
static void assert_set_aside_as(const char *name)
{
    struct store *s;
    struct error e = {0};
    assert_int_equal(store_open(&s, url, folder, STORE_WRITE, &e), 0);
    assert_int_equal(e.code, ERR_SYNTAX);
    assert_non_null(strstr(e.text, name));
    assert_true(exists(name));
    assert_string_equal(names(list(s, (struct store_filter){0})), "");
    record_samples(s, 0, 1);
    store_close(s);
    store_close(opened());
}

static void what_is_no_database_is_set_aside_and_never_lost(void **state)
{
    (void)state;
    static const char first[] =
        "half a database, or something else of some length, which is no matter here at all.....";
    char text[256];
    struct error e;
    put_file("shunt.db", first, sizeof first - 1);
    put_file("shunt.db-wal", "its log", 7);
    assert_int_equal(refusal(sqlite_url, STORE_READ, &e), ERR_SYNTAX);
    assert_set_aside_as("shunt.db.damaged-1");
    put_file("shunt.db", "xy", 2);
    assert_set_aside_as("shunt.db.damaged-2");
    get_file("shunt.db.damaged-1", text, sizeof text);
    assert_string_equal(text, first);
    get_file("shunt.db.damaged-1-wal", text, sizeof text);
    assert_string_equal(text, "its log");
}

static void a_truncated_database_is_set_aside(void **state)
{
    (void)state;
    fill_and_close();
    assert_int_equal(truncate(in_folder("shunt.db"), 100000), 0);
    assert_set_aside_as("shunt.db.damaged-1");
}

static void spoil_pages(int from_page, int until_page)
{
    int fd = open(in_folder("shunt.db"), O_WRONLY);
    char dirt[4096];
    memset(dirt, 0xa5, sizeof dirt);
    for (int page = from_page; page < until_page; page++) {
        assert_int_equal(pwrite(fd, dirt, sizeof dirt, 4096 * (off_t)(page - 1)), sizeof dirt);
    }
    close(fd);
}

static void damaged_pages_are_found_when_it_is_opened(void **state)
{
    (void)state;
    fill_and_close();
    spoil_pages(30, 31);
    assert_set_aside_as("shunt.db.damaged-1");
}

static void damage_that_is_met_later_is_told_and_found_by_the_next_opening(void **state)
{
    (void)state;
    fill_and_close();
    struct store *s = opened();
    store_close(s);
    s = opened();
    run_sql("shunt.db", "UPDATE totals SET next_row = next_row + 1"); /* what it has read it reads anew */
    spoil_pages(4, 100);
    struct error e = {0};
    json_t *out;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "t%d.json", i);
        rc = store_show(s, name, &out, &e);
        json_decref(out);
    }
    assert_int_equal(rc, ERR_SYNTAX);
    assert_true(exists("shunt.db.suspect"));
    assert_int_equal(store_check(s, &out, &e), 0);
    assert_true(json_array_size(out) > 0);
    json_decref(out);
    store_close(s);
    assert_set_aside_as("shunt.db.damaged-1");
    assert_false(exists("shunt.db.suspect"));
}

/* ---- a full disk, limits, removed files ---- */

static void fill_until_it_fails(struct store *s, int expected)
{
    int rc = 0;
    json_int_t recorded = 0;
    struct error e = {0};
    for (int n = 0; rc == 0 && n < 100000; n++) {
        struct sample m;
        rc = store_record(s, &sample(&m, n)->job, 1, &e);
        recorded += rc == 0;
    }
    if (rc != expected) {
        fail_msg("%d: %s", rc, e.text);
    }
    assert_int_equal(total_of(s, "completed"), recorded);
    assert_no_findings(s);
}

static void on_a_full_disk_what_is_there_stays(void **state)
{
    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=512k") != 0) {
        skip();
    }
    struct store *s = opened();
    fill_until_it_fails(s, ERR_NOSPACE);
    /* with room again it goes on */
    size_t removed;
    struct error e = {0};
    char option[] = "size=4m";
    assert_int_equal(mount("none", folder, "tmpfs", MS_REMOUNT, option), 0);
    record_samples(s, 500000, 500001);
    assert_int_equal(store_retain(s, &(struct store_retention){.keep_rows = 10, .most = 1000}, &removed, &e), 0);
    assert_no_findings(s);
    store_close(s);
    umount2(folder, MNT_DETACH);
}

static void a_limit_on_files_is_told_and_nothing_is_half_there(void **state)
{
    (void)state;
    struct store *s = opened();
    struct rlimit old, low = {300000, RLIM_INFINITY};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    low.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    fill_until_it_fails(s, ERR_IO);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, before);
    record_samples(s, 500000, 500001);
    store_close(s);
}

static void a_store_that_was_moved_away_takes_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    record_samples(s, 0, 1);
    assert_int_equal(rename(in_folder("shunt.db"), in_folder("elsewhere.db")), 0);
    struct sample m;
    struct error e = {0};
    assert_int_equal(store_record(s, &sample(&m, 1)->job, 1, &e), ERR_IO);
    assert_non_null(strstr(e.text, "moved or removed"));
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(what_is_no_database_is_set_aside_and_never_lost),
        ONE(a_truncated_database_is_set_aside),
        ONE(damaged_pages_are_found_when_it_is_opened),
        ONE(damage_that_is_met_later_is_told_and_found_by_the_next_opening),
        ONE(on_a_full_disk_what_is_there_stays),
        ONE(a_limit_on_files_is_told_and_nothing_is_half_there),
        ONE(a_store_that_was_moved_away_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
