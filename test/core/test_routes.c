/* test_routes.c: the life of a table: its keys, its changes, who holds it, want of memory. */
#include "../scarce.h"
#include "routes_table.h"

static void keys_of_a_destination_are_kept(void **state)
{
    (void)state;
    struct routes *r = table_of(
        "[destination x]\npath = /srv//X in/Y/\nlabel = The X\ndriver = dir\nmode = 0664\nowner = www-data\ngroup = 33\n"
        "conflict = keep\nconcurrency = 3\ncreate = no\nmount = /srv\n"
        "attempts = 5\nfirst = 3m\nfactor = 3.3\nmax = 30m\nalerts = yes\n"
        "[destination y]\npath = A/B/\n[route r]\nclient = *\nto = y, x\n");
    const struct destination *x = &r->destinations[0], *y = &r->destinations[1];
    assert_string_equal(x->path, "/srv//X in/Y/");
    assert_string_equal(x->label, "The X");
    assert_true(x->has_mode);
    assert_int_equal(x->mode, 0664);
    assert_string_equal(x->owner, "www-data");
    assert_string_equal(x->group, "33");
    assert_int_equal(x->uid, -1);
    assert_int_equal(x->conflict, CONFLICT_KEEP);
    assert_int_equal(x->concurrency, 3);
    assert_false(x->create);
    assert_string_equal(x->mount, "/srv");
    assert_int_equal(x->retry.attempts, 5);
    assert_int_equal(x->retry.first_ms, 3 * 60 * 1000);
    assert_true(x->retry.factor > 3.2 && x->retry.factor < 3.4);
    assert_int_equal(x->retry.max_ms, 30 * 60 * 1000);
    assert_int_equal(x->alerts, TOLD_YES);
    assert_int_equal(x->line, 1);

    assert_string_equal(y->label, "B");
    assert_string_equal(y->driver, "dir");
    assert_false(y->has_mode);
    assert_string_equal(y->owner, "");
    assert_int_equal(y->conflict, CONFLICT_REPLACE);
    assert_int_equal(y->concurrency, 0);
    assert_int_equal(y->retry.attempts, 0);
    assert_int_equal(y->retry.first_ms, 0);
    assert_int_equal(y->alerts, TOLD_AS_SET);
    assert_true(y->create);
    assert_string_equal(y->mount, "");
    assert_int_equal(y->index, 1);
    assert_int_equal(r->routes[0].n_to, 2);
    routes_unref(r);
}

static void hear_line(void *user, const char *text)
{
    struct heard *h = user;
    h->count++;
    strcat(strcat(h->text, text), "\n");
}

static void a_reload_tells_what_it_changed(void **state)
{
    (void)state;
    struct routes *before =
        table_of(DESTINATIONS
                 "[route gone]\nclient = X\nto = a\n[route kept]\nclient = *\nto = a\n[route celtra]\nclient = RANK\n"
                 "category = C\nto = a\n");
    struct routes *after = table_of(
        "[destination b]\npath = B2\nmode = 0600\n[destination a]\npath = A\n[destination d]\npath = D/E\n"
        "[route celtra]\nclient = RANK, CIBC\ntitle = T\nto = b\n[route kept]\nclient = *\nto = a\n[route new]\nclient = Y\nto = a, d\n");
    struct heard h = {0};
    routes_diff(before, after, hear_line, &h);
    assert_string_equal(h.text, "destination c removed\n"
                                "destination b altered (line 1): path, label, mode\n"
                                "destination d added: D/E\n"
                                "route gone removed\n"
                                "route celtra altered (line 8): client, title, category, to\n"
                                "route new added: to a, d\n");
    h = (struct heard){0};
    routes_diff(after, after, hear_line, &h);
    assert_int_equal(h.count, 0);
    routes_unref(before);
    routes_unref(after);
}

static void a_mode_of_zero_is_not_the_same_as_none(void **state)
{
    (void)state;
    struct routes *before = table_of("[destination a]\npath = A\n[route r]\nclient = *\nto = a\n");
    struct routes *after = table_of("[destination a]\npath = A\nmode = 0000\n[route r]\nclient = *\nto = a\n");
    struct heard h = {0};
    routes_diff(before, after, hear_line, &h);
    assert_string_equal(h.text, "destination a altered (line 1): mode\n");
    routes_unref(before);
    routes_unref(after);
}

static void a_table_lives_as_long_as_somebody_holds_it(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\nclient = RANK\nto = a\n");
    assert_ptr_equal(routes_ref(r), r);
    routes_unref(r);
    assert_string_equal(match(r, "RANK", ""), "a");
    routes_unref(r);
    routes_unref(NULL);
}

static void no_memory_is_a_fault_and_leaks_nothing(void **state)
{
    (void)state;
    static const char text[] =
        DESTINATIONS "[route 1]\nclient = RANK, CIBC\ncategory = C*, D\nto = c, a\n[route 2]\n/x/y = 1\nto = b\n"
                     "[route 3]\nclient = R*\nto = a\n";
    struct sample s;
    const char *const texts[] = {"RANK", "CAT", NULL, NULL, NULL};
    SCARCE_SWEEP (n) {
        struct faults faults;
        faults_init(&faults);
        bool told = true;
        scarce_begin(n, 1);
        struct routes *r = routes_new("routes.ini", text, sizeof text - 1, &faults);
        if (r) {
            struct heard h = {0};
            assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a c");
            int rc = routes_explain(r, &s.ticket, hear_verdict, &h);
            struct str out = STR_INIT;
            routes_print(r, &out);
            routes_diff(r, r, hear_line, &h);
            told = rc == ERR_NOMEM || str_failed(&out);
            str_fini(&out);
        }
        bool hit = scarce_end();
        assert_int_equal(r == NULL, faults_any(&faults));
        assert_true(r || hit);
        assert_true(hit || !told);
        routes_unref(r);
        faults_fini(&faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_a_destination_are_kept),
        cmocka_unit_test(a_reload_tells_what_it_changed),
        cmocka_unit_test(a_mode_of_zero_is_not_the_same_as_none),
        cmocka_unit_test(a_table_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(no_memory_is_a_fault_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
