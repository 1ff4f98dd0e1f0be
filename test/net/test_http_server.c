/* test_http_server.c: connections, answers, and the server's own life. */
#include "http_world.h"

static void a_request_is_answered_and_the_connection_is_kept(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    for (unsigned i = 0; i < 3; i++) {
        const char *answer = get_hello(world, client);
        assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
        assert_non_null(strstr(answer, "Content-Type: text/plain; charset=utf-8\r\n"));
    }
    assert_false(client->ended);
    world_free(world);
}

static void while_an_answer_is_awaited_the_loop_sleeps(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_held == 1);
    for (unsigned i = 0; i < 4; i++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    assert_true(is_calm(world));
    http_respond_problem(world->held[--world->n_held], 409, "already %s", "done");
    until(world, has(client, "\"detail\":\"already done\""));
    assert_true(has(client, "HTTP/1.1 409 Conflict\r\n"));
    world_free(world);
}

static void one_handler_may_answer_what_another_holds(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *later = client_local(world), *stream = client_local(world), *client = client_local(world);
    say(later, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    say(stream, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_held == 1 && has(stream, "\r\n\r\n"));
    say(client, "POST /release HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!is_calm(world))
        turn(world);
    assert_true(has(later, "released\n") && has(stream, "released\n"));
    world_free(world);
}

static void an_answer_for_a_client_that_has_gone_is_thrown_away(void **state)
{
    struct world *world = world_new(*state, world_options());
    for (unsigned i = 0; i < 20; i++) {
        struct client *client = client_local(world);
        say(client, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
        until(world, world->n_held == i + 1);
        client_hang_up(client);
    }
    uv_run(&world->loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < 20; i++) {
        size_t len;
        assert_string_equal(http_request_body(world->held[i], &len), "body");
        http_respond_text(world->held[i], 200, "nobody reads this\n");
    }
    world->n_held = 0;
    get_hello(world, client_local(world));
    world_free(world);
}

static void a_client_that_only_stops_sending_gets_its_answer(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(client->fd, SHUT_WR);
    until(world, world->n_held == 1);
    http_respond_text(world->held[--world->n_held], 200, "late\n");
    until(world, client->ended);
    assert_true(has(client, "late\n"));
    world_free(world);
}

static void headers_are_sent_and_bad_ones_are_not(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    static const char *const values[] = {"\"1\"", "x\r\nSet-Cookie: a=b"};
    for (unsigned i = 0; i < 2; i++) {
        say(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        until(world, world->n_held == 1);
        http_request_set_header(world->held[0], "ETag", values[i]);
        world->n_held = 0;
        http_respond_text(world->held[0], 200, "body\n");
        until(world, count(client, "HTTP/1.1 ") == i + 1);
    }
    until(world, has(client, "cannot be sent\n"));
    assert_true(has(client, "\r\nETag: \"1\"\r\n"));
    assert_true(has(client, "HTTP/1.1 500 "));
    assert_false(has(client, "Set-Cookie"));
    world_free(world);
}

static void a_problem_may_quote_any_bytes(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_held == 1);
    http_respond_problem(world->held[--world->n_held], 422, "no client %s", "\"\xff\n<b>");
    until(world, has(client, "}\n"));
    json_t *problem = json_loads(strstr(client->in.bytes, "\r\n\r\n") + 4, 0, NULL);
    assert_member(problem, "detail", "no client \"\\xff\\n<b>");
    json_decref(problem);
    world_free(world);
}

static void a_large_answer_arrives_whole(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, client->in.len > 16U * 1024 * 1024);
    const char *body = strstr(client->in.bytes, "\r\n\r\n") + 4;
    until(world, client->in.len - (size_t)(body - client->in.bytes) >= 16U * 1024 * 1024);
    str_clear(&client->in);
    get_hello(world, client);
    world_free(world);
}

static void open_requests_are_answered_when_the_server_is_closed(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *later = client_local(world), *half = client_local(world), *idle = client_local(world);
    struct client *body = client_local(world), *gone = client_local(world);
    say(half, "GET /hello HT");
    say(body, "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    say(later, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    say(gone, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    get_hello(world, idle);
    until(world, world->n_held == 2);
    client_hang_up(gone);
    http_server_close(world->server, on_world_closed, world);
    world->server = NULL;
    assert_int_equal(world->closed, 0);
    until(world, later->ended && half->ended && idle->ended && body->ended && world->closed == 1);
    assert_true(has(later, "HTTP/1.1 503 Service Unavailable\r\n"));
    assert_true(has(later, "the service is stopping"));
    assert_false(exists(in(world->scratch, "sock")));
    assert_null(http_request_header(world->held[0], "Host"));
    world_free(world); /* answers them, too late */
}

static void a_handler_may_close_the_server(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world), *other = client_local(world);
    say(other, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_held == 1);
    say(client, "POST /stop HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, client->ended && other->ended);
    assert_true(has(client, "stopping\n"));
    assert_true(has(other, "HTTP/1.1 503 "));
    world_free(world);
}

/* Requests of every kind; each gets an answer or loses its connection, and the server lives. */
static void all_kinds_of_requests(struct world *world)
{
    static const char *const requests[] = {"POST /echo/x?q=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
                                           "GET /none HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "PUT /hello HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct client *client = client_local(world);
        say(client, requests[i]);
        until(world, has(client, "\r\n\r\n") || client->ended || world->n_held > 0);
        if (world->n_held > 0) {
            world->n_held = 0;
            http_request_set_header(world->held[0], "ETag", "\"1\"");
            http_respond_text(world->held[0], 200, "late\n");
            until(world, has(client, "\r\n\r\n") || client->ended);
        }
        client_hang_up(client);
    }
    struct client *client = client_local(world);
    say(client, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_streams > 0 || has(client, "\r\n\r\n") || client->ended);
    if (world->n_streams > 0) {
        http_stream_write(world->streams[0], "data: 1\n\n", 9);
        world->n_streams = 0;
        http_stream_close(world->streams[0]);
    }
    until(world, has(client, "0\r\n\r\n") || has(client, "503") || client->ended);
    client_hang_up(client);
}

static void without_memory_requests_fail_and_the_server_lives(void **state)
{
    struct http_options options = world_options();
    options.idle_ms = options.request_ms = options.send_ms = 20; /* the pause until it tries again follows from them */
    SCARCE_SWEEP (n) {
        struct world *world = world_new(*state, options);
        scarce_begin(n, 1);
        scarce_spare_json();
        all_kinds_of_requests(world);
        scarce_end();
        struct client *client = client_local(world);
        get_hello(world, client);
        world_free(world);
    }
}

static void without_memory_no_server_is_made(void **state)
{
    struct scratch *s = *state;
    struct http_options options = world_options();
    uv_loop_t loop;
    uv_loop_init(&loop);
    SCARCE_SWEEP (n) {
        struct world world = {.closed = 0};
        struct http_server *server = NULL;
        struct error e = {.code = 0};
        scarce_begin(n, 1);
        scarce_spare_json();
        int rc = http_server_new(&loop, &options, &server, &e);
        if (rc == 0)
            rc = http_server_listen_unix(server, in(s, "sock"), &e);
        bool hit = scarce_end();
        assert_int_equal(rc, hit ? ERR_NOMEM : 0);
        if (server)
            http_server_close(server, on_world_closed, &world);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_false(exists(in(s, "sock")));
    }
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_request_is_answered_and_the_connection_is_kept),
        T(while_an_answer_is_awaited_the_loop_sleeps),
        T(one_handler_may_answer_what_another_holds),
        T(an_answer_for_a_client_that_has_gone_is_thrown_away),
        T(a_client_that_only_stops_sending_gets_its_answer),
        T(headers_are_sent_and_bad_ones_are_not),
        T(a_problem_may_quote_any_bytes),
        T(a_large_answer_arrives_whole),
        T(open_requests_are_answered_when_the_server_is_closed),
        T(a_handler_may_close_the_server),
        T(without_memory_requests_fail_and_the_server_lives),
        T(without_memory_no_server_is_made),
    };
    return cmocka_run_group_tests_name("net/http_server", tests, NULL, NULL);
}
