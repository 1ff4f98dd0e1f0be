/* test_explain.c: what `shunt explain` says where memory runs out: all of it, or that it cannot say. */
#include "shunt/cli/cli.h"
#include "shunt/service/service.h"

#include "../io/scratch.h"

#define TICKET(client) "{\"JobSpecification\":{\"JobDetails\":{\"ClientCode\":\"" client "\",\"JobCategory\":\"X\"}}}\n"

/* Runs the command with its standard output in a file, its standard error nowhere. */
static int explain(struct scratch *s, bool json, size_t n, bool *hit)
{
    char config[512], ticket[512];
    snprintf(config, sizeof config, "%s", in(s, "shunt.ini"));
    snprintf(ticket, sizeof ticket, "%s", in(s, "hot/RANK/a.json"));
    char *args[] = {ticket, NULL};
    const struct cli cli = {.command = &cmd_explain, .config = config, .json = json, .args = args, .n_args = 1};
    int out = open(in(s, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0644), nowhere = open("/dev/null", O_WRONLY);
    assert_true(out >= 0 && nowhere >= 0);
    fflush(stdout);
    int before[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    dup2(out, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    scarce_begin(n, 1);
    int code = cmd_explain.run(&cli);
    *hit = scarce_end();
    fflush(stdout);
    dup2(before[0], STDOUT_FILENO);
    dup2(before[1], STDERR_FILENO);
    close(before[0]);
    close(before[1]);
    close(out);
    close(nowhere);
    return code;
}

static void no_memory_for_an_explanation_is_no_other_explanation(void **state)
{
    struct scratch *s = *state;
    put(in(s, "shunt.ini"), "[service]\ndata = .\n[folders]\nhot = hot\n");
    put(in(s, "routes.ini"), "[destination a]\npath = out/a\n[destination b]\npath = out/b\n"
                             "[route all]\nclient = *\nto = a, b\n[route other]\nclient = X, Y*\nto = a\n");
    assert_int_equal(mkdir(in(s, "hot"), 0755), 0);
    assert_int_equal(mkdir(in(s, "hot/RANK"), 0755), 0);
    put(in(s, "hot/RANK/a.json"), TICKET("RANK"));
    for (int json = 0; json < 2; json++) {
        bool hit;
        static char whole[65536];
        assert_int_equal(explain(s, json, SCARCE_FOR_EVER, &hit), EXIT_DONE);
        snprintf(whole, sizeof whole, "%s", get(in(s, "out")));
        assert_non_null(strstr(whole, "out/b"));
        SCARCE_SWEEP (n) {
            int code = explain(s, json, n, &hit);
            const char *said = get(in(s, "out"));
            assert_true(hit || code == EXIT_DONE);
            if (code == EXIT_DONE)
                assert_string_equal(said, whole);
            assert_null(strstr(said, "\"valid\": false"));
            assert_null(strstr(said, "would fail"));
            if (json && code != EXIT_DONE)
                assert_true(said[0] == '\0' || said[0] == '{');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_memory_for_an_explanation_is_no_other_explanation, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
