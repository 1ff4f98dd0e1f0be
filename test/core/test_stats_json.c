/* test_stats_json.c: a day as JSON, there and back; what is damaged or of another date changes nothing. */
#include "stats_day.h"

static void a_day_survives_json_text(void **state)
{
    (void)state;
    struct stats *s = busy_day(), *again = new_stats();
    json_t *j = stats_to_json(s);
    char *text = json_dumps(j, 0);
    json_t *read = json_loads(text, 0, NULL);
    assert_non_null(read);
    stats_batch(again, 77); /* what was there is replaced */
    uint64_t changes = stats_changes(again);
    assert_int_equal(stats_from_json(again, read), 0);
    assert_int_equal(stats_changes(again), changes); /* nothing happened */
    json_t *j2 = stats_to_json(again);
    assert_true(json_equal(j, j2));
    /* And it goes on counting. */
    struct stats_outcome o = outcome("CIBC", "PRODUCTION", WAY_REALTIME);
    stats_failed(again, &o, "y.json", "bad", 0);
    assert_int_equal(number_in(again, "clients.CIBC.errors"), 2);
    assert_int_equal(number_in(again, "last_errors.1.time"), 0);
    free(text);
    json_decref(j);
    json_decref(j2);
    json_decref(read);
    stats_free(s);
    stats_free(again);
}

static void check_refused(json_t *j, int expected)
{
    struct stats *s = busy_day();
    json_t *before = stats_to_json(s);
    uint64_t changes = stats_changes(s);
    assert_int_equal(stats_from_json(s, j), expected);
    json_t *after = stats_to_json(s);
    assert_true(json_equal(before, after));
    assert_int_equal(stats_changes(s), changes);
    json_decref(before);
    json_decref(after);
    stats_free(s);
}

static void a_damaged_snapshot_changes_nothing(void **state)
{
    (void)state;
    check_refused(NULL, ERR_BAD_FIELD);
    json_t *empty = json_object();
    check_refused(empty, ERR_BAD_FIELD);
    json_decref(empty);
    struct stats *s = busy_day();
    json_t *good = stats_to_json(s);
    /* Each part of it missing, or of another type. */
    const char *key;
    json_t *value;
    json_object_foreach (good, key, value) {
        json_t *bad = json_deep_copy(good);
        json_object_del(bad, key);
        if (strcmp(key, "slowest") != 0) /* older days do not have it */
            check_refused(bad, ERR_BAD_FIELD);
        json_object_set_new(bad, key, json_string("x"));
        check_refused(bad, ERR_BAD_FIELD);
        json_decref(bad);
    }
    const char *const deep[][3] = {
        {"totals", "errors", NULL},
        {"scans", "slow", NULL},
        {"clients", "RANK", "celtra"},
        {"clients", "RANK", "categories"},
        {"destinations", "Celtra", "delivered"},
        {"ways", "ONCE", NULL},
    };
    for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++) {
        json_t *bad = json_deep_copy(good);
        json_t *at = json_object_get(bad, deep[i][0]);
        if (deep[i][2])
            at = json_object_get(at, deep[i][1]);
        json_object_set_new(at, deep[i][2] ? deep[i][2] : deep[i][1], json_integer(-1));
        check_refused(bad, ERR_BAD_FIELD);
        json_decref(bad);
    }
    json_decref(good);
    stats_free(s);
}

static void a_day_of_an_older_version_is_taken(void **state)
{
    (void)state;
    struct stats *s = busy_day(), *again = new_stats();
    stats_retried(s);
    json_t *old = stats_to_json(s);
    json_object_del(json_object_get(old, "totals"), "retries");
    json_object_del(old, "slowest");
    assert_int_equal(stats_from_json(again, old), 0);
    assert_int_equal(number_in(again, "totals.errors"), 1);
    assert_int_equal(number_in(again, "totals.retries"), 0);
    json_decref(old);
    stats_free(s);
    stats_free(again);
}

static void a_snapshot_of_another_date_is_not_taken(void **state)
{
    (void)state;
    struct stats *s = stats_new(DAY - 1);
    json_t *j = stats_to_json(s);
    check_refused(j, ERR_CHANGED);
    json_decref(j);
    stats_free(s);
}

int main(void)
{
    set_zone("UTC0");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_survives_json_text),
        cmocka_unit_test(a_damaged_snapshot_changes_nothing),
        cmocka_unit_test(a_day_of_an_older_version_is_taken),
        cmocka_unit_test(a_snapshot_of_another_date_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
