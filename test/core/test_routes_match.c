/* test_routes_match.c: what a table says of a ticket, and why. */
#include "routes_table.h"

static void a_client_goes_where_its_route_says(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\nclient = RANK, CIBC\nto = b\n");
    assert_string_equal(match(r, "RANK", "X"), "b");
    assert_string_equal(match(r, "CIBC", "X"), "b");
    assert_string_equal(match(r, "RANKS", "X"), "");
    assert_string_equal(match(r, "RAN", "X"), "");
    assert_string_equal(match(r, "rank", "X"), "");
    assert_string_equal(match(r, NULL, "X"), "");
    routes_unref(r);
}

static void every_route_that_holds_adds_its_destinations_once_in_the_order_of_the_sections(void **state)
{
    (void)state;
    struct routes *r =
        table_of(DESTINATIONS "[route 1]\nclient = RANK\nto = c, a\n[route 2]\ncategory = CELTRA\nto = a\n"
                              "[route 3]\nclient = R*\nto = b\n");
    assert_string_equal(match(r, "RANK", "CELTRA"), "a b c");
    assert_string_equal(match(r, "RANK", "OTHER"), "a b c");
    assert_string_equal(match(r, "RB", "CELTRA"), "a b");
    assert_string_equal(match(r, "BAYER", "CELTRA"), "a");
    assert_string_equal(match(r, "BAYER", "OTHER"), "");
    routes_unref(r);
}

static void of_the_routes_that_match_the_most_attempts_and_longest_pauses_hold(void **state)
{
    (void)state;
    struct routes *r = table_of(
        DESTINATIONS
        "[route 1]\nclient = RANK\nattempts = 5\nfirst = 3m\nto = a\n[route 2]\ncategory = CELTRA\nattempts = 7\n"
        "first = 1m\nmax = 30m\nfactor = 3\nto = a\n[route 3]\nclient = CIBC\nto = b\n");
    struct sample s;
    const char *texts[] = {"RANK", "OTHER", NULL, NULL};
    assert_int_equal(routes_retry(r, sample_of(&s, 4, texts)).attempts, 5);
    texts[1] = "CELTRA";
    assert_int_equal(routes_retry(r, sample_of(&s, 4, texts)).attempts, 7);
    struct retry_own both = routes_retry(r, sample_of(&s, 4, texts));
    assert_int_equal(both.first_ms, 180000);
    assert_int_equal(both.max_ms, 1800000);
    assert_float_equal(both.factor, 3, 0);
    texts[0] = "CIBC";
    texts[1] = "OTHER";
    assert_int_equal(routes_retry(r, sample_of(&s, 4, texts)).attempts, 0);
    texts[0] = NULL;
    assert_int_equal(routes_retry(r, sample_of(&s, 4, texts)).attempts, 0);
    routes_unref(r);
}

static void all_conditions_of_a_route_must_hold(void **state)
{
    (void)state;
    struct routes *r =
        table_of(DESTINATIONS "[route r]\nclient = RANK\ncategory = CELTRA, PROMO*\n/x/y = 5, true\nto = a\n");
    struct sample s;
    const char *texts[] = {"RANK", "CELTRA", NULL, NULL, "5"};
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a");
    texts[1] = "PROMOTION";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a");
    texts[4] = "true";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "a");
    texts[4] = "6";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "");
    texts[4] = NULL;
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "");
    texts[4] = "5";
    texts[0] = "CIBC";
    assert_string_equal(match_ticket(r, sample_of(&s, 5, texts)), "");
    routes_unref(r);
}

static void globs_match_any_run_of_bytes(void **state)
{
    (void)state;
    struct routes *r = table_of(
        DESTINATIONS
        "[route 1]\nclient = A*Z\nto = a\n[route 2]\nclient = *\nto = b\n[route 3]\nclient = Q, *-TEST\nto = c\n");
    assert_string_equal(match(r, "AZ", ""), "a b");
    assert_string_equal(match(r, "AxxZ", ""), "a b");
    assert_string_equal(match(r, "AxxZx", ""), "b");
    assert_string_equal(match(r, "", ""), "b");
    assert_string_equal(match(r, "Q", ""), "b c");
    assert_string_equal(match(r, "X-TEST", ""), "b c");
    assert_string_equal(match(r, NULL, ""), "");
    routes_unref(r);
}

static void an_object_or_array_never_matches(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\ntitle = *\nto = a\n");
    struct sample s;
    const char *const texts[] = {"RANK", "X", NULL, NULL};
    sample_of(&s, 4, texts);
    s.fields[FIELD_TITLE].kind = FIELD_OBJECT;
    assert_string_equal(match_ticket(r, &s.ticket), "");
    s.fields[FIELD_TITLE] = (struct field){.kind = FIELD_STRING, .text = (char *)(uintptr_t) "", .len = 0};
    assert_string_equal(match_ticket(r, &s.ticket), "a");
    routes_unref(r);
}

static void a_nul_in_a_field_is_part_of_it(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route 1]\nclient = RANK\nto = a\n[route 2]\nclient = RANK*\nto = b\n");
    struct sample s;
    const char *const texts[] = {"RANK"};
    sample_of(&s, 1, texts);
    s.fields[0].text = (char *)(uintptr_t) "RANK\0X";
    s.fields[0].len = 6;
    assert_string_equal(match_ticket(r, &s.ticket), "b");
    routes_unref(r);
}

static void a_value_named_twice_counts_once(void **state)
{
    (void)state;
    struct routes *r = table_of(DESTINATIONS "[route r]\nclient = RANK, , RANK,\nto = a\n");
    assert_int_equal(r->routes[0].conditions[0].count, 2);
    assert_string_equal(match(r, "RANK", ""), "a");
    routes_unref(r);
}

static void hundreds_of_routes_and_clients_find_their_own(void **state)
{
    (void)state;
    struct str text = STR_INIT;
    for (int i = 0; i < 900; i++)
        str_printf(&text, "[destination d%d]\npath = P%d\n[route r%d]\nclient = C%d, K%d\nto = d%d\n", i, i, i, i,
                   i % 7, i);
    str_puts(&text, "[route all]\ncategory = ALL\nto = d899\n");
    struct routes *r = table_of(text.bytes);
    str_fini(&text);
    for (int i = 0; i < 900; i++) {
        char client[16], name[16];
        snprintf(client, sizeof client, "C%d", i);
        snprintf(name, sizeof name, "d%d", i);
        assert_string_equal(match(r, client, ""), name);
    }
    assert_string_equal(match(r, "C5", "ALL"), "d5 d899");
    size_t out[ROUTES_DESTINATIONS_MAX];
    struct sample s;
    const char *const texts[] = {"K3", "ALL"};
    size_t n = routes_match(r, sample_of(&s, 2, texts), out);
    assert_int_equal(n, 129); /* 3, 10, 17 ... 899 */
    routes_unref(r);
}

static void the_sample_routes_the_whole_matrix(void **state)
{
    (void)state;
    struct routes *r = sample_table();
    const struct {
        const char *client, *own, *celtra;
    } matrix[] = {
        {"BISSELL", "bissell-wrike", "bissell-wrike"},
        {"LOREAL", "loreal", "loreal"},
        {"RECKITTBENCKISER", "monday-rb", "monday-rb celtra"},
        {"RANK", "monday-rank", "monday-rank celtra"},
        {"CELTRA", "celtra", "celtra"},
        {"CIBC", "", "celtra"},
        {"OLIVER", "", "celtra"},
        {"ADIDAS", "", "celtra"},
        {"PAYPAL", "", "celtra"},
        {"BAYER", "", "celtra"},
        {"3M", "", "celtra"},
        {"SOMEBODY", "", ""},
        {"rank", "", ""},
    };
    for (size_t i = 0; i < sizeof matrix / sizeof matrix[0]; i++) {
        assert_string_equal(match(r, matrix[i].client, "PRODUCTION"), matrix[i].own);
        assert_string_equal(match(r, matrix[i].client, "CELTRA"), matrix[i].celtra);
    }
    const char *const places[][3] = {
        {"bissell-wrike", "CLIENT-STORES/BISSELL-WRIKE/IN", "BISSELL-WRIKE"},
        {"loreal", "CLIENT-STORES/LOREAL/IN", "LOREAL"},
        {"monday-rb", "SYNC/MAKE/Monday RB", "Monday RB"},
        {"monday-rank", "SYNC/MAKE/Monday Rank", "Monday Rank"},
        {"celtra", "SYNC/MAKE/Celtra - Create_Rename - Project_Design File", "Celtra"},
    };
    assert_int_equal(r->n_destinations, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(r->destinations[i].name, places[i][0]);
        assert_string_equal(r->destinations[i].path, places[i][1]);
        assert_string_equal(r->destinations[i].label, places[i][2]);
    }
    routes_unref(r);
}

static void an_explanation_says_of_every_condition_whether_it_held(void **state)
{
    (void)state;
    struct routes *r = table_of(
        DESTINATIONS "[route 1]\nclient = RANK\nto = a\n[route 2]\ncategory = CELTRA\nclient = CIBC, RANK\nto = b\n"
                     "[route 3]\nclient = B*\ntitle = x\nto = c\n");
    struct sample s;
    const char *const texts[] = {"RANK", "PRODUCTION", NULL, "x"};
    struct heard h = {0};
    assert_int_equal(routes_explain(r, sample_of(&s, 4, texts), hear_verdict, &h), 0);
    assert_string_equal(h.text, "1 yes client=1\n2 no category=0 client=1\n3 no client=0 title=1\n");
    routes_unref(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_goes_where_its_route_says),
        cmocka_unit_test(every_route_that_holds_adds_its_destinations_once_in_the_order_of_the_sections),
        cmocka_unit_test(of_the_routes_that_match_the_most_attempts_and_longest_pauses_hold),
        cmocka_unit_test(all_conditions_of_a_route_must_hold),
        cmocka_unit_test(globs_match_any_run_of_bytes),
        cmocka_unit_test(an_object_or_array_never_matches),
        cmocka_unit_test(a_nul_in_a_field_is_part_of_it),
        cmocka_unit_test(a_value_named_twice_counts_once),
        cmocka_unit_test(hundreds_of_routes_and_clients_find_their_own),
        cmocka_unit_test(the_sample_routes_the_whole_matrix),
        cmocka_unit_test(an_explanation_says_of_every_condition_whether_it_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
