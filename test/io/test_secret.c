#include <string.h>

#include "shunt/io/secret.h"

#include "../scarce.h"

static void tokens_are_long_of_safe_letters_and_differ(void **state)
{
    (void)state;
    char a[SECRET_TOKEN_MAX], b[SECRET_TOKEN_MAX];
    struct error e = {0};
    bool seen_last[128] = {false};
    size_t kinds = 0;
    for (int i = 0; i < 500; i++) {
        assert_int_equal(secret_token(a, &e), 0);
        assert_int_equal(secret_token(b, &e), 0);
        assert_int_equal(strlen(a), SECRET_TOKEN_MAX - 1);
        assert_int_equal(strspn(a, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), strlen(a));
        assert_string_not_equal(a, b);
        kinds += !seen_last[(unsigned char)a[0]];
        seen_last[(unsigned char)a[0]] = true;
    }
    assert_true(kinds > 32); /* of 64 */
}

static void a_password_is_known_by_its_hash(void **state)
{
    (void)state;
    char hash[SECRET_HASH_MAX], other[SECRET_HASH_MAX];
    struct error e = {0};
    bool right = false;
    assert_int_equal(secret_hash("corréct horse", hash, &e), 0);
    assert_int_equal(secret_hash("corréct horse", other, &e), 0);
    assert_string_not_equal(hash, other);
    assert_memory_equal(hash, "$y$", 3);
    assert_true(secret_is_hash(hash));
    assert_int_equal(secret_check("corréct horse", hash, &right, &e), 0);
    assert_true(right);
    assert_int_equal(secret_check("corréct horsE", hash, &right, &e), 0);
    assert_false(right);
    assert_int_equal(secret_check("", hash, &right, &e), 0);
    assert_false(right);
}

static void hashes_of_other_programs_are_known(void **state)
{
    (void)state;
    struct error e = {0};
    bool right;
    static const char sha512[] =
        "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
    assert_true(secret_is_hash(sha512));
    assert_int_equal(secret_check("password", sha512, &right, &e), 0);
    assert_true(right);
}

static void nobodys_password_is_never_right(void **state)
{
    (void)state;
    struct error e = {0};
    bool right = true;
    assert_int_equal(secret_check("x", NULL, &right, &e), 0);
    assert_false(right);
}

static void what_is_no_hash_or_a_weak_one_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "password", "*", "!", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", "$9$x$y"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(secret_is_hash(bad[i]));
}

static void the_same_bytes_are_the_same_and_no_others(void **state)
{
    (void)state;
    unsigned char a[32], b[32];
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = b[i] = (unsigned char)(i * 7);
    assert_true(secret_same(a, b, sizeof a));
    assert_true(secret_same(a, b, 0));
    for (size_t i = 0; i < 8 * sizeof a; i++) {
        b[i / 8] ^= (unsigned char)(1U << i % 8);
        assert_false(secret_same(a, b, sizeof a));
        b[i / 8] ^= (unsigned char)(1U << i % 8);
    }
}

static void without_memory_a_password_is_not_right(void **state)
{
    (void)state;
    char hash[SECRET_HASH_MAX];
    struct error e = {0};
    assert_int_equal(secret_hash("x", hash, &e), 0);
    SCARCE_SWEEP (n) {
        bool right = true;
        e = (struct error){0};
        scarce_begin(n, 1);
        int rc = secret_check("x", hash, &right, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        assert_int_equal(right, !hit);
    }
}

/* RFC 4231, test case 2 */
static void a_signature_is_the_well_known_one(void **state)
{
    (void)state;
    static const unsigned char expected[SECRET_SIGNATURE_SIZE] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
        0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    unsigned char made[SECRET_SIGNATURE_SIZE];
    secret_sign("Jefe", "what do ya want for nothing?", made);
    assert_memory_equal(made, expected, sizeof made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_long_of_safe_letters_and_differ),
        cmocka_unit_test(a_password_is_known_by_its_hash),
        cmocka_unit_test(hashes_of_other_programs_are_known),
        cmocka_unit_test(nobodys_password_is_never_right),
        cmocka_unit_test(what_is_no_hash_or_a_weak_one_is_told),
        cmocka_unit_test(the_same_bytes_are_the_same_and_no_others),
        cmocka_unit_test(a_signature_is_the_well_known_one),
        cmocka_unit_test(without_memory_a_password_is_not_right),
    };
    return cmocka_run_group_tests_name("io/secret", tests, NULL, NULL);
}
