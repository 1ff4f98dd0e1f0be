/* test_ask.c: asking a service over its socket, which a thread of the test serves; and the store where none answers. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "shunt/base/mem.h"
#include "shunt/cli/ask.h"
#include "shunt/net/http_server.h"

#include "../scarce.h"

struct place {
    char folder[64];
    struct settings settings;
    char control[80];
    struct config config;
};

struct service {
    uv_loop_t loop;
    uv_async_t stop;
    struct http_server *server;
    pthread_t thread;
    unsigned asked; /* the server's thread, read after it ended */
    bool refuses;
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    strcpy(p->folder, "/tmp/shunt-test-XXXXXX");
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(p->folder))
        return -1;
    snprintf(p->control, sizeof p->control, "%s/s.sock", p->folder);
    p->settings.store_url = strdup("sqlite:shunt.db");
    p->config = (struct config){.settings = &p->settings, .data = p->folder, .control = p->control};
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    char command[96];
    mem_set(NULL);
    json_set_alloc_funcs(malloc, free);
    snprintf(command, sizeof command, "rm -rf %s", p->folder);
    free(p->settings.store_url);
    free(p);
    return system(command);
}

/* ---- the service ---- */

static void on_job(struct http_request *request, void *context)
{
    struct service *s = context;
    s->asked++;
    const char *id = http_request_param(request, "id");
    if (strcmp(id, "none") == 0) {
        http_respond_problem(request, 404, "there is no job %s", id);
        return;
    }
    json_t *job = json_pack("{s:s, s:s}", "id", "0199-whole", "file", id);
    http_respond_json(request, 200, job);
    json_decref(job);
}

static void on_post(struct http_request *request, void *context)
{
    struct service *s = context;
    s->asked++;
    if (s->refuses)
        http_respond_problem(request, 409, "not now");
    else {
        json_t *answer = json_pack("{s:b}", "done", 1);
        http_respond_json(request, 200, answer);
        json_decref(answer);
    }
}

static void on_plain(struct http_request *request, void *context)
{
    ((struct service *)context)->asked++;
    http_respond_text(request, 200, "hello");
}

static void on_closed(void *context)
{
    (void)context;
}

static void on_stop(uv_async_t *async)
{
    struct service *s = async->data;
    http_server_close(s->server, on_closed, NULL);
    uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *context)
{
    struct service *s = context;
    uv_run(&s->loop, UV_RUN_DEFAULT);
    return NULL;
}

static const struct http_route routes[] = {{.method = "GET", .path = "/api/v1/jobs/{id}", .handler = on_job},
                                           {.method = "GET", .path = "/plain", .handler = on_plain},
                                           {.method = "POST", .path = "/do", .handler = on_post}};

static struct service *start(const struct place *p, unsigned instance, bool refuses)
{
    struct service *s = calloc(1, sizeof *s);
    struct error e = {0};
    const struct http_options options = {HTTP_OPTIONS_DEFAULT, .context = s, .routes = routes,
                                         .n_routes = sizeof routes / sizeof *routes};
    char *path = config_control(&p->config, instance);
    s->refuses = refuses;
    assert_int_equal(uv_loop_init(&s->loop), 0);
    s->stop.data = s;
    assert_int_equal(uv_async_init(&s->loop, &s->stop, on_stop), 0);
    if (http_server_new(&s->loop, &options, &s->server, &e) != 0 || http_server_listen_unix(s->server, path, &e) != 0)
        fail_msg("%s", e.text);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    mem_free(path);
    return s;
}

/* How often it was asked. */
static unsigned stop(struct service *s)
{
    unsigned asked;
    uv_async_send(&s->stop);
    pthread_join(s->thread, NULL);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    asked = s->asked;
    free(s);
    return asked;
}

/* ---- tests ---- */

static void the_first_instance_that_listens_answers(void **state)
{
    struct place *p = *state;
    struct service *s = start(p, 3, false);
    struct ask a;
    struct error e = {0};
    json_t *job = NULL;
    ask_begin(&a, &p->config);
    assert_int_equal(ask_job(&a, "a b/\xC3\xBC?.json", &job, &e), 0);
    assert_string_equal(json_string_value(json_object_get(job, "file")), "a b/\xC3\xBC?.json");
    assert_true(a.answered);
    json_decref(job);
    ask_end(&a);
    assert_int_equal(stop(s), 1);
}

static void nobody_there_is_told(void **state)
{
    struct place *p = *state;
    struct ask a;
    struct error e = {0};
    json_t *out = NULL;
    ask_begin(&a, &p->config);
    assert_int_equal(ask_post(&a, "/do", NULL, &out, &e), ERR_GONE);
    assert_string_equal(e.text, "shunt is not running");
    assert_false(a.answered);
    ask_end(&a);
    p->config.control = NULL;
    error_clear(&e);
    ask_begin(&a, &p->config);
    assert_int_equal(ask_post(&a, "/do", NULL, &out, &e), ERR_GONE);
    assert_string_equal(e.text, "shunt has no control socket: [service] control = no");
    ask_end(&a);
}

static void what_the_service_does_not_know_is_not_looked_up_in_the_store(void **state)
{
    struct place *p = *state;
    struct service *s = start(p, 0, false);
    struct ask a;
    struct error e = {0};
    json_t *job = NULL;
    ask_begin(&a, &p->config);
    assert_int_equal(ask_show(&a, "none", &job, &e), ERR_GONE);
    assert_string_equal(e.text, "there is no job none");
    assert_null(a.store);
    ask_end(&a);
    stop(s);
}

static void what_is_no_json_is_no_answer(void **state)
{
    struct place *p = *state;
    struct service *s = start(p, 0, false);
    struct ask a;
    struct error e = {0};
    json_t *out = NULL;
    ask_begin(&a, &p->config);
    assert_int_equal(ask_get(&a, "/plain", &out, &e), ERR_NETWORK);
    ask_end(&a);
    stop(s);
}

static void an_id_is_made_whole_where_it_is_known(void **state)
{
    struct place *p = *state;
    struct service *s = start(p, 0, false);
    struct ask a;
    struct error e = {0};
    struct str id = STR_INIT;
    ask_begin(&a, &p->config);
    assert_int_equal(ask_id(&a, "x.json", &id, &e), 0);
    assert_string_equal(id.bytes, "0199-whole");
    str_clear(&id);
    assert_int_equal(ask_id(&a, "none", &id, &e), 0);
    assert_string_equal(id.bytes, "none");
    assert_int_equal(e.code, 0);
    ask_end(&a);
    str_fini(&id);
    stop(s);
}

static int post_all(const struct place *p, bool every, struct error *e)
{
    struct ask a;
    json_t *out = NULL;
    ask_begin(&a, &p->config);
    int rc = ask_post_all(&a, every, "/do", &out, e);
    assert_true((rc == 0) == (out != NULL));
    json_decref(out);
    ask_end(&a);
    return rc;
}

static void all_instances_do_it_or_the_first_that_can(void **state)
{
    struct place *p = *state;
    struct service *refuses = start(p, 0, true), *first = start(p, 1, false), *second = start(p, 2, false);
    struct error e = {0};
    assert_int_equal(post_all(p, false, &e), 0); /* the second of them does it, the third is not asked */
    assert_int_equal(stop(second), 0);
    assert_int_equal(post_all(p, true, &e), ERR_CONFLICT); /* the first does not */
    assert_string_equal(e.text, "not now");
    assert_int_equal(stop(first), 1);
    assert_int_equal(stop(refuses), 2);
    error_clear(&e);
    first = start(p, 0, false);
    second = start(p, 5, false);
    assert_int_equal(post_all(p, true, &e), 0);
    assert_int_equal(stop(first), 1);
    assert_int_equal(stop(second), 1);
    assert_int_equal(post_all(p, true, &e), ERR_GONE);
}

static void the_store_is_read_where_nobody_answers(void **state)
{
    struct place *p = *state;
    struct store *store = NULL;
    struct error e = {0};
    struct store_job job = {.id = "01990000-0000-7000-8000-000000000001", .name = "a.json", .created_ms = 1};
    struct ask a;
    json_t *page = NULL, *one = NULL;
    const struct store_filter all = {.limit = 5000};
    ask_begin(&a, &p->config);
    assert_int_equal(ask_list(&a, &all, &page, &e), ERR_GONE);
    assert_non_null(strstr(e.text, "shunt is not running: there is no store"));
    error_clear(&e);
    assert_int_equal(store_open(&store, p->settings.store_url, p->folder, STORE_WRITE, &e), 0);
    assert_int_equal(store_record(store, &job, 1, &e), 0);
    store_close(store);
    assert_int_equal(ask_list(&a, &all, &page, &e), 0);
    assert_int_equal(json_array_size(json_object_get(page, "jobs")), 1);
    assert_int_equal(ask_show(&a, "a.json", &one, &e), 0);
    json_decref(page);
    json_decref(one);
    ask_end(&a);
}

static void without_memory_it_is_told(void **state)
{
    struct place *p = *state;
    struct error made = {0};
    struct store *store = NULL;
    assert_int_equal(store_open(&store, p->settings.store_url, p->folder, STORE_WRITE, &made), 0);
    store_close(store);
    SCARCE_SWEEP (n) {
        struct ask a;
        struct error e = {0};
        json_t *page = NULL;
        const struct store_filter some = {.client = "RANK", .limit = 5};
        scarce_begin(n, 1);
        ask_begin(&a, &p->config);
        int rc = ask_list(&a, &some, &page, &e);
        json_decref(page);
        ask_end(&a);
        bool hit = scarce_end();
        assert_true(rc == 0 || (hit && rc == ERR_NOMEM));
    }
}

int main(void)
{
#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        WITH_PLACE(the_first_instance_that_listens_answers),
        WITH_PLACE(nobody_there_is_told),
        WITH_PLACE(what_the_service_does_not_know_is_not_looked_up_in_the_store),
        WITH_PLACE(what_is_no_json_is_no_answer),
        WITH_PLACE(an_id_is_made_whole_where_it_is_known),
        WITH_PLACE(all_instances_do_it_or_the_first_that_can),
        WITH_PLACE(the_store_is_read_where_nobody_answers),
        WITH_PLACE(without_memory_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
