/* test_access.c: the access file, sessions and tries; time is an argument. */
#include <string.h>

#include "shunt/service/session.h"

#include "../io/scratch.h"
#include "../scarce.h"

#define T1     "0123456789abcdefghij-the-first-token"
#define SHA512 "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"

static struct faults faults;

static void hash_of(const char *token, char out[128])
{
    uint8_t hash[SHA256_SIZE];
    files_sha256(token, strlen(token), hash);
    strcpy(out, "sha256:");
    files_hex(hash, SHA256_SIZE, out + 7);
}

static struct access *read_text(const char *text)
{
    struct access *a = calloc(1, sizeof *a);
    faults_init(&faults);
    access_read(a, "access", text, strlen(text), &faults);
    return a;
}

static void done(struct access *a)
{
    faults_fini(&faults);
    for (size_t i = 0; i < a->count; i++)
        mem_free(a->entries[i].password);
    mem_free(a->entries);
    free(a);
}

static void refused(const char *text, const char *fault)
{
    struct access *a = read_text(text);
    if (faults.count != 1 || strcmp(faults.texts[0], fault) != 0)
        fail_msg("not \"%s\" but %zu: \"%s\"", fault, faults.count, faults.count > 0 ? faults.texts[0] : "");
    done(a);
}

static void a_token_is_known_by_its_line(void **state)
{
    (void)state;
    char text[1024], one[128], two[128];
    hash_of(T1, one);
    hash_of("another", two);
    snprintf(text, sizeof text, "# who\n\n  ci \t submit %s  \r\n#x\nci read %s\nanna operate " SHA512, one, two);
    struct access *a = read_text(text);
    assert_int_equal(faults.count, 0);
    assert_int_equal(a->count, 3);
    const struct access_entry *ci = access_by_token(a, T1);
    assert_non_null(ci);
    assert_string_equal(ci->name, "ci");
    assert_int_equal(ci->rights, ROLE_SUBMIT);
    assert_int_equal(access_by_token(a, "another")->rights, ROLE_READ);
    assert_null(access_by_token(a, T1 "x"));
    assert_null(access_by_token(a, ""));
    assert_null(access_by_token(a, one));
    assert_null(access_by_token(a, SHA512));
    assert_string_equal(access_by_name(a, "anna")->name, "anna");
    assert_null(access_by_name(a, "ci")); /* has no password */
    assert_null(access_by_name(a, ""));
    done(a);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    (void)state;
    char text[512], hash[128];
    hash_of(T1, hash);
    refused("# x\nanna operate\n", "access:2: not NAME ROLE HASH");
    refused("anna operate a b\n", "access:1: not NAME ROLE HASH");
    snprintf(text, sizeof text, "anna admin %s\n", hash);
    refused(text, "access:1: the role of anna is none of read, submit, operate");
    snprintf(text, sizeof text, "an/na read %s\n", hash);
    refused(text, "access:1: a name has at most 32 letters, digits and . _ @ -");
    snprintf(text, sizeof text, "%.33s read %s\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", hash);
    refused(text, "access:1: a name has at most 32 letters, digits and . _ @ -");
    refused("a read sha256:12\n", "access:1: behind sha256: there must be 64 digits of 0-9 and a-f");
    refused("a read " SHA512 "\na operate " SHA512 "\n", "access:2: a has a password already");
}

static void a_password_that_was_written_down_is_not_told(void **state)
{
    (void)state;
    refused("\n\nanna operate hunter2\n",
            "access:3: the third word is neither sha256:HEX nor a strong hash of crypt(3); "
            "`shunt token` makes both");
}

static void roles_contain_each_other(void **state)
{
    (void)state;
    assert_true(access_allows(0, "public"));
    assert_false(access_allows(0, "read"));
    assert_true(access_allows(ROLE_READ, "read"));
    assert_false(access_allows(ROLE_READ, "submit"));
    assert_false(access_allows(ROLE_READ, "operate"));
    assert_true(access_allows(ROLE_SUBMIT, "submit"));
    assert_false(access_allows(ROLE_SUBMIT, "read"));
    assert_false(access_allows(ROLE_READ | ROLE_SUBMIT, "operate"));
    assert_true(access_allows(ROLE_SUBMIT, "read submit"));
    assert_true(access_allows(ROLE_READ, "read submit"));
    assert_false(access_allows(0, "read submit"));
    assert_true(access_allows(ROLE_OPERATE, "read") && access_allows(ROLE_OPERATE, "submit") &&
                access_allows(ROLE_OPERATE, "operate"));
    assert_false(access_allows(ROLE_OPERATE, "nonsense"));
    assert_false(access_allows(ROLE_OPERATE, ""));
}

/* --- sessions --- */

static void a_session_is_found_by_its_cookie_for_twelve_hours(void **state)
{
    (void)state;
    struct sessions s = {0};
    struct access a = {0};
    struct error e = {0};
    char one[SECRET_TOKEN_MAX], two[SECRET_TOKEN_MAX];
    assert_true(access_add_token(&a, "anna", ROLE_READ, T1));
    assert_int_equal(sessions_begin(&s, &a.entries[0], 1000, one, &e), 0);
    assert_int_equal(sessions_begin(&s, &a.entries[0], 2000, two, &e), 0);
    const struct session *found = sessions_find(&s, one, 1000 + SESSION_MS - 1);
    assert_non_null(found);
    assert_string_equal(found->name, "anna");
    assert_int_equal(found->rights, ROLE_READ);
    assert_null(sessions_find(&s, one, 1000 + SESSION_MS));
    assert_non_null(sessions_find(&s, two, 1000 + SESSION_MS));
    assert_null(sessions_find(&s, "", 2000));
    sessions_end(&s, two);
    assert_null(sessions_find(&s, two, 2000));
    sessions_end(&s, two);
    sessions_fini(&s);
    mem_free(a.entries);
}

static void the_oldest_session_makes_room(void **state)
{
    (void)state;
    struct sessions s = {0};
    struct access a = {0};
    struct error e = {0};
    char first[SECRET_TOKEN_MAX], second[SECRET_TOKEN_MAX], cookie[SECRET_TOKEN_MAX];
    assert_true(access_add_token(&a, "anna", ROLE_READ, T1));
    assert_int_equal(sessions_begin(&s, &a.entries[0], 0, first, &e), 0);
    assert_int_equal(sessions_begin(&s, &a.entries[0], 0, second, &e), 0);
    for (int i = 2; i < SESSIONS_MAX + 1; i++)
        assert_int_equal(sessions_begin(&s, &a.entries[0], i, cookie, &e), 0);
    assert_int_equal(s.count, SESSIONS_MAX);
    assert_null(sessions_find(&s, first, 2000));
    assert_non_null(sessions_find(&s, second, 2000));
    assert_non_null(sessions_find(&s, cookie, 2000));
    sessions_fini(&s);
    mem_free(a.entries);
}

static void a_session_ends_with_its_line(void **state)
{
    (void)state;
    struct sessions s = {0};
    struct access before = {0}, after = {0};
    struct error e = {0};
    char anna[SECRET_TOKEN_MAX], bob[SECRET_TOKEN_MAX], carl[SECRET_TOKEN_MAX];
    access_add_token(&before, "anna", ROLE_READ, "token of anna");
    access_add_token(&before, "bob", ROLE_OPERATE, "token of bob");
    access_add_token(&before, "carl", ROLE_OPERATE, "token of carl");
    sessions_begin(&s, &before.entries[0], 0, anna, &e);
    sessions_begin(&s, &before.entries[1], 0, bob, &e);
    sessions_begin(&s, &before.entries[2], 0, carl, &e);
    access_add_token(&after, "carl", ROLE_READ, "token of carl"); /* may do less now */
    access_add_token(&after, "anna", ROLE_READ, "token of anna");
    sessions_keep(&s, &after);
    assert_non_null(sessions_find(&s, anna, 1));
    assert_null(sessions_find(&s, bob, 1));
    assert_null(sessions_find(&s, carl, 1));
    sessions_fini(&s);
    mem_free(before.entries);
    mem_free(after.entries);
}

/* --- tries --- */

static void an_address_has_five_tries_a_minute(void **state)
{
    (void)state;
    struct tries t = {0};
    for (int i = 0; i < 5; i++)
        assert_int_equal(tries_ask(&t, "10.0.0.1", i * 1000), 0);
    assert_int_equal(tries_ask(&t, "10.0.0.1", 5000), 55000);
    assert_int_equal(tries_ask(&t, "10.0.0.1", 59999), 1); /* asking costs nothing */
    assert_int_equal(tries_ask(&t, "10.0.0.2", 5000), 0);
    assert_int_equal(tries_ask(&t, "10.0.0.1", 60000), 0);
    assert_int_equal(tries_ask(&t, "10.0.0.1", 60000), 1000);
    tries_fini(&t);
}

static void a_network_of_ipv6_counts_as_one_address(void **state)
{
    (void)state;
    struct tries t = {0};
    for (int i = 0; i < 5; i++) {
        char address[64];
        snprintf(address, sizeof address, "2001:db8:1:2::%d", i);
        assert_int_equal(tries_ask(&t, address, 0), 0);
    }
    assert_true(tries_ask(&t, "2001:db8:1:2:ffff::1", 0) > 0);
    assert_int_equal(tries_ask(&t, "2001:db8:1:3::1", 0), 0);
    tries_fini(&t);
}

static void many_addresses_make_one_forgotten_that_was_quiet_longest(void **state)
{
    (void)state;
    struct tries t = {0};
    for (int i = 0; i < 5; i++)
        assert_int_equal(tries_ask(&t, "10.0.0.1", 10000), 0);
    for (int i = 0; i < TRIES_ADDRESS_MAX - 1; i++) {
        char address[64];
        snprintf(address, sizeof address, "10.1.%d.%d", i / 256, i % 256);
        assert_int_equal(tries_ask(&t, address, i == 7 ? 0 : 20000), 0);
    }
    assert_int_equal(tries_ask(&t, "10.9.0.1", 20000), 0);
    assert_true(tries_ask(&t, "10.0.0.1", 20000) > 0);
    assert_int_equal(tries_ask(&t, "10.9.0.2", 20000), 0);
    assert_int_equal(tries_ask(&t, "10.0.0.1", 20000), 0);
    assert_int_equal(t.count, TRIES_ADDRESS_MAX);
    tries_fini(&t);
}

static void without_memory_nobody_comes_in(void **state)
{
    (void)state;
    char text[512], hash[128];
    hash_of(T1, hash);
    snprintf(text, sizeof text, "ci submit %s\nanna operate " SHA512 "\n", hash);
    SCARCE_SWEEP (n) {
        struct access a = {0};
        struct sessions s = {0};
        struct tries t = {0};
        struct error e = {0};
        char cookie[SECRET_TOKEN_MAX];
        faults_init(&faults);
        scarce_begin(n, 1);
        bool fine = access_read(&a, "access", text, strlen(text), &faults) && access_add_token(&a, "t", ROLE_READ, T1);
        int rc = fine ? sessions_begin(&s, &a.entries[0], 0, cookie, &e) : ERR_NOMEM;
        int64_t pause = tries_ask(&t, "10.0.0.1", 0);
        bool hit = scarce_end();
        assert_true((fine && rc == 0 && pause == 0) || (hit && (!fine || rc == ERR_NOMEM || pause == TRIES_MS)));
        for (size_t i = 0; i < a.count; i++)
            mem_free(a.entries[i].password);
        mem_free(a.entries);
        sessions_fini(&s);
        tries_fini(&t);
        faults_fini(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_known_by_its_line),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(a_password_that_was_written_down_is_not_told),
        cmocka_unit_test(roles_contain_each_other),
        cmocka_unit_test(a_session_is_found_by_its_cookie_for_twelve_hours),
        cmocka_unit_test(the_oldest_session_makes_room),
        cmocka_unit_test(a_session_ends_with_its_line),
        cmocka_unit_test(an_address_has_five_tries_a_minute),
        cmocka_unit_test(a_network_of_ipv6_counts_as_one_address),
        cmocka_unit_test(many_addresses_make_one_forgotten_that_was_quiet_longest),
        cmocka_unit_test(without_memory_nobody_comes_in),
    };
    return cmocka_run_group_tests_name("service/access", tests, NULL, NULL);
}
