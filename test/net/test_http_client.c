#include <sched.h>
#include <sys/wait.h>

#include "shunt/net/http_client.h"

#include "http_world.h"

/* A server that turns on a thread of its own, since the client blocks. */
struct service {
    struct world *world;
    uv_thread_t thread;
    uv_async_t stop;
    struct http_client *client;
};

static void on_service_stop(uv_async_t *async)
{
    world_stop(((struct service *)async->data)->world);
    uv_close((uv_handle_t *)async, NULL);
}

static void service_run(void *context)
{
    uv_run(&((struct service *)context)->world->loop, UV_RUN_DEFAULT);
}

static void on_problem(struct http_request *request, void *context)
{
    (void)context;
    http_respond_problem(request, 409, "job %s is \"done\"", http_request_param(request, "id"));
}

static void on_broken_problem(struct http_request *request, void *context)
{
    (void)context;
    http_respond_text(request, 502, "<html>");
}

/* Streams as many pieces as asked for, then goes on silently or ends. */
static void on_pieces(struct http_request *request, void *context)
{
    struct world *world = context;
    bool ends = strcmp(http_request_param(request, "how"), "ends") == 0;
    struct http_stream *stream = http_stream_begin(request, "text/event-stream");
    for (unsigned i = 0; i < 3; i++)
        http_stream_write(stream, "data: piece\n\n", 13);
    if (ends)
        http_stream_close(stream);
    else
        world->streams[world->n_streams++] = stream;
}

/* The service breaks down in the middle of an answer. */
static void on_break(struct http_request *request, void *context)
{
    (void)context;
    struct http_stream *stream = http_stream_begin(request, "application/json");
    http_stream_write(stream, "{\"half\":", 8);
    static const char too_much[1000];
    while (http_stream_write(stream, too_much, sizeof too_much) == 0)
        continue;
    http_stream_close(stream);
}

static const struct http_route service_routes[] = {
    {.method = "GET", .path = "/hello", .handler = on_hello},
    {.method = "GET", .path = "/echo/{name}", .handler = on_echo},
    {.method = "POST", .path = "/echo/{name}", .handler = on_echo, .max_body_bytes = 1000000},
    {.method = "DELETE", .path = "/echo/{name}", .handler = on_echo},
    {.method = "GET", .path = "/later", .handler = on_later},
    {.method = "GET", .path = "/large", .handler = on_large},
    {.method = "GET", .path = "/problem/{id}", .handler = on_problem},
    {.method = "GET", .path = "/broken-problem", .handler = on_broken_problem},
    {.method = "GET", .path = "/pieces/{how}", .handler = on_pieces},
    {.method = "GET", .path = "/break", .handler = on_break},
};

static struct service *service_new(struct scratch *scratch, unsigned timeout_ms)
{
    struct service *service = calloc(1, sizeof *service);
    struct http_options options = world_options();
    options.routes = service_routes;
    options.n_routes = sizeof service_routes / sizeof *service_routes;
    options.max_stream_bytes = 4096;
    service->world = world_new(scratch, options);
    service->stop.data = service;
    uv_async_init(&service->world->loop, &service->stop, on_service_stop);
    assert_int_equal(http_client_new(in(scratch, "sock"), timeout_ms, &service->client, NULL), 0);
    uv_thread_create(&service->thread, service_run, service);
    return service;
}

static void service_free(struct service *service)
{
    http_client_free(service->client);
    uv_async_send(&service->stop);
    uv_thread_join(&service->thread);
    world_free_stopped(service->world);
    free(service);
}

static struct http_reply fetch(struct service *service, const char *method, const char *target, const json_t *body)
{
    struct http_reply reply;
    struct error e = {.code = 0};
    if (http_client_request(service->client, method, target, body, &reply, &e) != 0)
        fail_msg("%s", e.text);
    return reply;
}

static void a_request_gets_status_and_json(void **state)
{
    struct service *service = service_new(*state, 10000);
    json_t *body = json_pack("{s:[i, i]}", "ids", 1, 2);
    struct http_reply reply = fetch(service, "POST", "/echo/a%2Fb?q=x%20y", body);
    json_decref(body);
    assert_int_equal(reply.status, 200);
    assert_null(reply.problem);
    assert_string_equal(json_string_value(json_object_get(reply.body, "name")), "a/b");
    assert_string_equal(json_string_value(json_object_get(reply.body, "q")), "x y");
    assert_string_equal(json_string_value(json_object_get(reply.body, "body")), "{\"ids\":[1,2]}");
    http_reply_fini(&reply);
    reply = fetch(service, "GET", "/echo/x", NULL); /* nothing of the one before is left */
    assert_string_equal(json_string_value(json_object_get(reply.body, "method")), "GET");
    assert_string_equal(json_string_value(json_object_get(reply.body, "body")), "");
    http_reply_fini(&reply);
    reply = fetch(service, "DELETE", "/echo/x", NULL);
    assert_string_equal(json_string_value(json_object_get(reply.body, "method")), "DELETE");
    http_reply_fini(&reply);
    reply = fetch(service, "HEAD", "/hello", NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.text, "");
    http_reply_fini(&reply);
    service_free(service);
}

static void a_text_is_no_json(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct http_reply reply = fetch(service, "GET", "/hello", NULL);
    assert_null(reply.body);
    assert_string_equal(reply.text, "hello\n");
    http_reply_fini(&reply);
    service_free(service);
}

static void a_large_body_is_sent_and_a_large_answer_read(void **state)
{
    struct service *service = service_new(*state, 60000);
    char *text = malloc(900001);
    memset(text, 'x', 900000);
    text[900000] = '\0';
    json_t *body = json_string(text);
    struct http_reply reply = fetch(service, "POST", "/echo/x", body);
    assert_int_equal(json_string_length(json_object_get(reply.body, "body")), 900002);
    http_reply_fini(&reply);
    json_decref(body);
    free(text);
    service_free(service);
}

static void a_problem_is_text_for_a_person(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct http_reply reply = fetch(service, "GET", "/problem/17", NULL);
    assert_int_equal(reply.status, 409);
    assert_string_equal(reply.problem, "job 17 is \"done\"");
    http_reply_fini(&reply);
    reply = fetch(service, "GET", "/none", NULL);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.problem, "there is nothing at this path");
    http_reply_fini(&reply);
    reply = fetch(service, "GET", "/broken-problem", NULL);
    assert_string_equal(reply.problem, "the service answered with status 502");
    http_reply_fini(&reply);
    service_free(service);
}

static int fails(struct http_client *client, const char *target, struct error *e)
{
    struct http_reply reply;
    error_clear(e);
    int rc = http_client_request(client, "GET", target, NULL, &reply, e);
    if (rc == 0)
        http_reply_fini(&reply);
    return rc;
}

struct taken {
    struct str text;
    size_t enough; /* ends the stream */
};

static bool take(void *context, const char *bytes, size_t len)
{
    struct taken *taken = context;
    str_add(&taken->text, bytes, len);
    return taken->text.len < taken->enough;
}

static void no_service_is_told_apart(void **state)
{
    struct http_client *client;
    struct error e;
    assert_int_equal(http_client_new(in(*state, "sock"), 10000, &client, NULL), 0);
    assert_int_equal(fails(client, "/hello", &e), ERR_GONE); /* no socket */
    assert_non_null(strstr(e.text, "no service listens at /tmp/"));
    struct taken taken = {.text = STR_INIT, .enough = 1};
    assert_int_equal(http_client_stream(client, "/hello", take, &taken, NULL), ERR_GONE);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", in(*state, "sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    close(fd);
    assert_int_equal(fails(client, "/hello", &e), ERR_GONE); /* nobody listens */
    http_client_free(client);
    assert_int_equal(http_client_new(in(*state, "no/folder"), 10000, &client, NULL), 0);
    assert_int_equal(fails(client, "/hello", &e), ERR_GONE);
    http_client_free(client);
}

static void a_service_that_comes_back_is_found_again(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct http_client *client;
    struct error e = {.code = 0};
    assert_int_equal(http_client_new(in(*state, "sock"), 10000, &client, NULL), 0);
    struct http_reply reply;
    assert_int_equal(http_client_request(client, "GET", "/hello", NULL, &reply, NULL), 0);
    http_reply_fini(&reply);
    service_free(service);
    assert_int_equal(fails(client, "/hello", &e), ERR_GONE);
    service = service_new(*state, 10000);
    assert_int_equal(http_client_request(client, "GET", "/hello", NULL, &reply, NULL), 0);
    http_reply_fini(&reply);
    http_client_free(client);
    service_free(service);
}

static void a_socket_of_another_user_is_told(void **state)
{
    if (getuid() != 0)
        skip();
    struct service *service = service_new(*state, 10000);
    assert_int_equal(chmod(((struct scratch *)*state)->root, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct error e;
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
            _exit(2);
        _exit(fails(service->client, "/hello", &e) == ERR_ACCESS && strstr(e.text, "another user") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    service_free(service);
}

static void a_service_that_does_not_answer_is_told(void **state)
{
    struct service *service = service_new(*state, 30);
    struct error e;
    assert_int_equal(fails(service->client, "/later", &e), ERR_TIMEOUT);
    assert_non_null(strstr(e.text, "does not answer (waited 30 ms)"));
    service_free(service);
}

static void an_answer_that_breaks_off_is_told(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct error e;
    assert_int_equal(fails(service->client, "/break", &e), ERR_NETWORK);
    assert_non_null(strstr(e.text, "broke off"));
    service_free(service);
}

static void a_proxy_in_the_environment_is_not_asked(void **state)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct service *service = service_new(*state, 10000);
    struct http_reply reply = fetch(service, "GET", "/hello", NULL);
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    service_free(service);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void a_path_that_is_too_long_is_told(void **state)
{
    (void)state;
    char path[109];
    struct http_client *client;
    struct error e = {.code = 0};
    memset(path, 'x', sizeof path);
    path[108] = '\0';
    assert_int_equal(http_client_new(path, 1000, &client, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "108 bytes, at most 107"));
}

static void a_stream_is_read_to_its_end(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct taken taken = {.text = STR_INIT, .enough = 1000};
    assert_int_equal(http_client_stream(service->client, "/pieces/ends", take, &taken, NULL), 0);
    assert_string_equal(taken.text.bytes, "data: piece\n\ndata: piece\n\ndata: piece\n\n");
    str_fini(&taken.text);
    service_free(service);
}

static void a_stream_is_left_by_its_reader(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct taken taken = {.text = STR_INIT, .enough = 1};
    assert_int_equal(http_client_stream(service->client, "/pieces/endless", take, &taken, NULL), 0);
    assert_true(taken.text.len > 0);
    str_fini(&taken.text);
    struct http_reply reply = fetch(service, "GET", "/hello", NULL); /* the client is good for more */
    assert_int_equal(reply.status, 200);
    http_reply_fini(&reply);
    service_free(service);
}

static bool count_silence(void *context, const char *bytes, size_t len)
{
    (void)bytes;
    unsigned *silences = context;
    *silences += len == 0;
    return *silences < 2;
}

static void a_reader_is_called_also_while_nothing_comes(void **state)
{
    struct service *service = service_new(*state, 10000);
    unsigned silences = 0;
    assert_int_equal(http_client_stream(service->client, "/pieces/endless", count_silence, &silences, NULL), 0);
    assert_int_equal(silences, 2);
    service_free(service);
}

static void a_stream_that_is_silent_for_too_long_is_told(void **state)
{
    struct service *service = service_new(*state, 50);
    struct taken taken = {.text = STR_INIT, .enough = 1000};
    struct error e = {.code = 0};
    assert_int_equal(http_client_stream(service->client, "/pieces/endless", take, &taken, &e), ERR_TIMEOUT);
    assert_int_equal(taken.text.len, 39);
    str_fini(&taken.text);
    service_free(service);
}

static void a_refused_stream_is_told(void **state)
{
    struct service *service = service_new(*state, 10000);
    struct taken taken = {.text = STR_INIT, .enough = 1000};
    struct error e = {.code = 0};
    assert_int_equal(http_client_stream(service->client, "/problem/3", take, &taken, &e), ERR_USAGE);
    assert_string_equal(e.text, "job 3 is \"done\"");
    assert_int_equal(taken.text.len, 0);
    service_free(service);
}

static void without_memory_no_client_is_made(void **state)
{
    struct http_client *client = NULL;
    SCARCE_SWEEP (n) {
        struct error e = {.code = 0};
        scarce_begin(n, 1);
        scarce_spare_json();
        int rc = http_client_new(in(*state, "sock"), 1000, &client, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
    }
    http_client_free(client);
}

static void without_memory_a_request_fails_and_the_next_works(void **state)
{
    struct error e;
    pid_t pid = fork(); /* a process of its own: what fails is the client's memory alone */
    if (pid == 0) {
        struct world *world = world_new(*state, world_options());
        uv_run(&world->loop, UV_RUN_DEFAULT);
        _exit(0);
    }
    struct http_client *client;
    assert_int_equal(http_client_new(in(*state, "sock"), 10000, &client, NULL), 0);
    while (fails(client, "/none", &e) == ERR_GONE) /* until it listens */
        sched_yield();
    SCARCE_SWEEP (n) {
        struct http_reply reply;
        error_clear(&e);
        scarce_begin(n, 1);
        scarce_spare_json();
        int rc = http_client_request(client, "GET", "/none", NULL, &reply, &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        if (rc == 0)
            http_reply_fini(&reply);
    }
    http_client_free(client);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_request_gets_status_and_json),
        T(a_text_is_no_json),
        T(a_large_body_is_sent_and_a_large_answer_read),
        T(a_problem_is_text_for_a_person),
        T(no_service_is_told_apart),
        T(a_service_that_comes_back_is_found_again),
        T(a_socket_of_another_user_is_told),
        T(a_service_that_does_not_answer_is_told),
        T(an_answer_that_breaks_off_is_told),
        T(a_proxy_in_the_environment_is_not_asked),
        T(a_path_that_is_too_long_is_told),
        T(a_stream_is_read_to_its_end),
        T(a_stream_is_left_by_its_reader),
        T(a_reader_is_called_also_while_nothing_comes),
        T(a_stream_that_is_silent_for_too_long_is_told),
        T(a_refused_stream_is_told),
        T(without_memory_no_client_is_made),
        T(without_memory_a_request_fails_and_the_next_works),
    };
    return cmocka_run_group_tests_name("net/http_client", tests, NULL, NULL);
}
