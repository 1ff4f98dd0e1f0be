/* The contract of store.h, held against every driver in the table, then what only the file driver promises. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "shunt/base/mem.h"
#include "shunt/store/store.h"

struct kind {
    const char *name;
    const char *url; /* relative to the test's folder */
};
static const struct kind kinds[] = {{"file", "file:shunt.state.json"}};

static char folder[64];
static const struct kind *kind;

static int setup(void **state)
{
    kind = *state ? *state : &kinds[0];
    strcpy(folder, "/tmp/shunt-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    mem_set(NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct store *opened(void)
{
    struct store *s = NULL;
    struct error e = {0};
    assert_int_equal(store_open(&s, kind->url, folder, &e), 0);
    assert_non_null(s);
    return s;
}

static json_t *loaded(struct store *s)
{
    struct error e = {0};
    json_t *value;
    assert_int_equal(store_load(s, &value, &e), 0);
    return value;
}

static void save(struct store *s, json_t *value)
{
    struct error e = {0};
    assert_int_equal(store_save(s, value, &e), 0);
    json_decref(value);
}

static void assert_holds(struct store *s, json_t *expected)
{
    json_t *value = loaded(s);
    assert_true(json_equal(value, expected));
    json_decref(value);
    json_decref(expected);
}

/* ---- every driver ---- */

static void a_new_store_holds_nothing(void **state)
{
    (void)state;
    struct store *s = opened();
    assert_null(loaded(s));
    store_close(s);
    store_close(NULL);
}

static void what_was_saved_last_is_loaded(void **state)
{
    (void)state;
    struct store *s = opened();
    save(s, json_pack("{s:i, s:[s,s]}", "processed", 51, "clients", "RANK", "LOREAL"));
    save(s, json_pack("{s:i}", "processed", 52));
    assert_holds(s, json_pack("{s:i}", "processed", 52));
    assert_holds(s, json_pack("{s:i}", "processed", 52));
    store_close(s);
}

static void it_outlives_the_process_that_saved(void **state)
{
    (void)state;
    struct store *s = opened();
    save(s, json_pack("{s:i}", "processed", 7));
    store_close(s);
    s = opened();
    assert_holds(s, json_pack("{s:i}", "processed", 7));
    store_close(s);
}

static void any_text_comes_back_as_it_was(void **state)
{
    (void)state;
    struct store *s = opened();
    static const char odd[] = "caf\xC3\xA9 \xF0\x9F\x98\x80 \"\\/\n\x1b \0 %s";
    json_t *value =
        json_pack("{s:s%, s:f, s:I, s:n}", "odd", odd, sizeof odd - 1, "f", 0.1, "big", (json_int_t)INT64_MAX, "null");
    save(s, json_incref(value));
    assert_holds(s, value);
    store_close(s);
}

static void a_large_snapshot_is_kept_whole(void **state)
{
    (void)state;
    struct store *s = opened();
    json_t *list = json_array();
    for (int i = 0; i < 50000; i++) {
        json_array_append_new(list, json_pack("{s:i, s:s}", "n", i, "text", "some words that take room"));
    }
    json_t *value = json_pack("{s:o}", "list", list);
    save(s, json_incref(value));
    assert_holds(s, value);
    store_close(s);
}

static unsigned allowed;
static void *some_alloc(size_t size)
{
    return allowed > 0 && allowed-- > 0 ? malloc(size) : NULL;
}
static void *some_resize(void *p, size_t size)
{
    return allowed > 0 && allowed-- > 0 ? realloc(p, size) : NULL;
}
static const struct mem_functions scarce = {.alloc = some_alloc, .resize = some_resize, .free = free};

static void without_memory_it_fails_and_keeps_what_it_has(void **state)
{
    (void)state;
    struct store *s = opened();
    save(s, json_pack("{s:i}", "kept", 1));
    store_close(s);

    json_t *value = json_pack("{s:i}", "kept", 2), *seen = NULL;
    int rc = ERR_NOMEM;
    unsigned n = 0;
    for (; rc && n < 100; n++) {
        struct error e = {0};
        mem_set(&scarce);
        allowed = n;
        seen = NULL;
        rc = store_open(&s, kind->url, folder, &e);
        if (rc == 0) {
            rc = store_load(s, &seen, &e);
            rc = rc == 0 ? store_save(s, value, &e) : rc;
            store_close(s);
        }
        mem_set(NULL);
        assert_true(rc == 0 || e.code == ERR_NOMEM);
        if (rc) {
            json_decref(seen);
        }
    }
    assert_true(n > 1 && n < 100);
    json_t *first = json_pack("{s:i}", "kept", 1);
    assert_true(json_equal(seen, first));
    json_decref(first);
    json_decref(seen);
    s = opened();
    assert_holds(s, value);
    store_close(s);
}

static void a_reader_never_sees_half_of_it(void **state)
{
    (void)state;
    struct store *s = opened();
    json_t *list = json_array();
    for (int i = 0; i < 5000; i++) {
        json_array_append_new(list, json_integer(i));
    }
    json_t *value = json_pack("{s:o}", "list", list);
    save(s, json_incref(value));
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        for (;;) {
            struct error e = {0};
            (void)store_save(s, value, &e);
        }
    }
    bool whole = true;
    for (int i = 0; i < 200; i++) {
        struct error e = {0};
        json_t *seen = NULL;
        whole = whole && store_load(s, &seen, &e) == 0 && json_equal(seen, value);
        json_decref(seen);
    }
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_true(whole);
    /* nor is what the killed writer left in the way */
    save(s, json_pack("{s:i}", "after", 1));
    assert_holds(s, json_pack("{s:i}", "after", 1));
    json_decref(value);
    store_close(s);
}

/* ---- by URL ---- */

static void an_unknown_kind_is_refused_with_the_known_ones(void **state)
{
    (void)state;
    struct store *s;
    struct error e = {0};
    assert_int_equal(store_open(&s, "postgres://me:secret@host/db", folder, &e), ERR_CONFIG);
    assert_null(s);
    assert_string_equal(e.text, "postgres: is no kind of store; known: file:");
    error_clear(&e);
    assert_int_equal(store_open(&s, "shunt.state.json", folder, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "does not begin with its kind"));
}

static void a_bad_place_is_told_at_the_start(void **state)
{
    (void)state;
    struct store *s;
    struct error e = {0};
    assert_int_equal(store_open(&s, "file:gone/x.json", folder, &e), ERR_NOPLACE);
    assert_non_null(strstr(e.text, "gone/x.json: No such file or directory"));
    error_clear(&e);
    assert_int_equal(store_open(&s, "file:", folder, &e), ERR_CONFIG);
    error_clear(&e);
    assert_int_equal(store_open(&s, "file:x/", folder, &e), ERR_CONFIG);
    error_clear(&e);
    char url[80];
    snprintf(url, sizeof url, "file:%s", folder);
    assert_int_equal(store_open(&s, url, "/nowhere", &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "is not a regular file"));
    assert_null(s);
}

/* ---- file: ---- */

static void path_in_folder(char *out, size_t n, const char *name)
{
    snprintf(out, n, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    path_in_folder(path, sizeof path, name);
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void assert_file(const char *name, const char *expected)
{
    char path[128], text[256] = "";
    path_in_folder(path, sizeof path, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, expected);
}

static void a_relative_file_starts_from_the_base(void **state)
{
    (void)state;
    struct store *s = opened();
    save(s, json_pack("{s:i}", "n", 1));
    store_close(s);
    assert_file("shunt.state.json", "{\"n\":1}\n");
    char path[128];
    path_in_folder(path, sizeof path, ".shunt.state.json.tmp");
    assert_int_equal(access(path, F_OK), -1);
}

static void a_damaged_file_is_set_aside_and_never_lost(void **state)
{
    (void)state;
    static const char *const damaged[] = {"{\"n\": 1", "", "{\"a\":1,\"a\":2}"};
    struct store *s = opened();
    for (size_t i = 0; i < 3; i++) {
        write_file("shunt.state.json", damaged[i]);
        struct error e = {0};
        json_t *value;
        assert_int_equal(store_load(s, &value, &e), ERR_SYNTAX);
        assert_null(value);
        assert_non_null(strstr(e.text, "set aside as /tmp/"));
        assert_null(loaded(s));
    }
    assert_file("shunt.state.json.damaged", damaged[0]);
    assert_file("shunt.state.json.damaged.1", damaged[1]);
    assert_file("shunt.state.json.damaged.2", damaged[2]);
    store_close(s);
}

static void two_writers_do_not_mix(void **state)
{
    (void)state;
    struct store *s = opened();
    save(s, json_pack("{s:i}", "n", 1));
    char path[128];
    path_in_folder(path, sizeof path, ".shunt.state.json.tmp");
    int other = open(path, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(flock(other, LOCK_EX), 0);
    struct error e = {0};
    json_t *value = json_pack("{s:i}", "n", 2);
    assert_int_equal(store_save(s, value, &e), ERR_BUSY);
    assert_holds(s, json_pack("{s:i}", "n", 1));
    close(other);
    save(s, value);
    assert_holds(s, json_pack("{s:i}", "n", 2));
    store_close(s);
}

static void a_link_in_place_of_the_temporary_file_is_not_followed(void **state)
{
    (void)state;
    struct store *s = opened();
    write_file("precious", "keep me");
    char path[128];
    path_in_folder(path, sizeof path, ".shunt.state.json.tmp");
    assert_int_equal(symlink("precious", path), 0);
    struct error e = {0};
    json_t *value = json_pack("{s:i}", "n", 2);
    assert_int_not_equal(store_save(s, value, &e), 0);
    assert_file("precious", "keep me");
    json_decref(value);
    store_close(s);
}

static void on_a_full_disk_the_old_one_stays(void **state)
{
    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=64k") != 0) {
        skip();
    }
    struct store *s = opened();
    save(s, json_pack("{s:i}", "n", 1));
    char *text = calloc(1, 200001);
    assert_non_null(text);
    memset(text, 'x', 200000);
    json_t *big = json_pack("{s:s}", "text", text);
    struct error e = {0};
    int rc = store_save(s, big, &e);
    json_t *value = loaded(s);
    json_t *expected = json_pack("{s:i}", "n", 1);
    bool kept = json_equal(value, expected) == 1;
    store_close(s);
    umount2(folder, MNT_DETACH);
    free(text);
    json_decref(big);
    json_decref(value);
    json_decref(expected);
    assert_int_equal(rc, ERR_NOSPACE);
    assert_true(kept);
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    struct store *s = opened();
    struct error e = {0};
    json_t *value = json_integer(1);
    assert_int_equal(store_save(s, value, &e), ERR_INTERNAL);
    assert_null(loaded(s));
    json_decref(value);
    store_close(s);
}

int main(void)
{
#define EACH(test, i) cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, (void *)&kinds[i])
#define CONTRACT(i)                                                                                                    \
    EACH(a_new_store_holds_nothing, i), EACH(what_was_saved_last_is_loaded, i),                                        \
        EACH(it_outlives_the_process_that_saved, i), EACH(any_text_comes_back_as_it_was, i),                           \
        EACH(a_large_snapshot_is_kept_whole, i), EACH(without_memory_it_fails_and_keeps_what_it_has, i),               \
        EACH(a_reader_never_sees_half_of_it, i)
#define ONE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CONTRACT(0),
        ONE(an_unknown_kind_is_refused_with_the_known_ones),
        ONE(a_bad_place_is_told_at_the_start),
        ONE(a_relative_file_starts_from_the_base),
        ONE(a_damaged_file_is_set_aside_and_never_lost),
        ONE(two_writers_do_not_mix),
        ONE(a_link_in_place_of_the_temporary_file_is_not_followed),
        ONE(on_a_full_disk_the_old_one_stays),
        ONE(what_is_no_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
