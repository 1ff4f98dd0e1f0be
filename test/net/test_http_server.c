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

static json_t *echo(struct world *world, struct client *client, const char *request)
{
    const char *answer = ask(world, client, request, "}\n");
    json_t *json = json_loads(strstr(answer, "\r\n\r\n") + 4, 0, NULL);
    assert_non_null(json);
    return json;
}

static void assert_member(const json_t *json, const char *name, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(json, name)), value);
}

static void path_query_and_headers_are_decoded_after_they_were_split(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    json_t *json = echo(world, client,
                        "GET /echo/a%2Fb%20%C3%A4+%7B?x=1&q=1%262%3D+%2B&q=second HTTP/1.1\r\nHost: x\r\n"
                        "X-HEADER: Value\r\n\r\n");
    assert_member(json, "name", "a/b ä+{");
    assert_member(json, "q", "1&2= +");
    assert_member(json, "path", "/echo/a%2Fb%20%C3%A4+%7B");
    assert_member(json, "header", "Value");
    assert_member(json, "method", "GET");
    assert_int_equal(json_integer_value(json_object_get(json, "uid")), getuid());
    json_decref(json);
    world_free(world);
}

static void a_query_without_values_is_read(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    json_t *json = echo(world, client, "GET /echo/x?&&q HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_member(json, "q", "");
    json_decref(json);
    json = echo(world, client, "GET /echo/x? HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_null(json_object_get(json, "q"));
    json_decref(json);
    world_free(world);
}

static void what_is_no_path_is_refused(void **state)
{
    static const char *const targets[] = {"/echo/%",   "/echo/%4",       "/echo/%zz",          "/echo/%00",
                                          "/echo/%ff", "/echo/%C0%AF",   "/echo/x?q=%00",      "/echo/x?%=1",
                                          "hello",     "http://x/hello", "/echo/x?q=%ED%A0%80"};
    struct world *world = world_new(*state, world_options());
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char request[256];
        struct client *client = client_local(world);
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        const char *answer = ask(world, client, request, "HTTP/1.1 400 ");
        until(world, has(client, "}\n"));
        assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
    }
    assert_int_equal(world->called, 0);
    world_free(world);
}

static void too_many_query_parameters_are_refused(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct str request = STR_INIT;
    str_puts(&request, "GET /echo/x?q=1");
    for (unsigned i = 0; i < HTTP_QUERY_PARAMS_MAX; i++)
        str_puts(&request, "&a=1");
    str_puts(&request, " HTTP/1.1\r\nHost: x\r\n\r\n");
    ask(world, client_local(world), request.bytes, "HTTP/1.1 400 ");
    str_fini(&request);
    world_free(world);
}

static void an_unknown_path_is_a_problem_document(void **state)
{
    static const char *const targets[] = {"/",         "/hell",      "/hello/",
                                          "//hello",   "/echo/",     "/echo",
                                          "/echo/a/b", "/%68ello/x", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r"};
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        json_t *problem = echo(world, client, request);
        assert_true(has(client, "HTTP/1.1 404 Not Found\r\n"));
        assert_true(has(client, "Content-Type: application/problem+json\r\n"));
        assert_member(problem, "type", "about:blank");
        assert_member(problem, "title", "Not Found");
        assert_int_equal(json_integer_value(json_object_get(problem, "status")), 404);
        assert_true(json_is_string(json_object_get(problem, "detail")));
        json_decref(problem);
    }
    assert_int_equal(world->called, 0);
    world_free(world);
}

static void a_wrong_method_is_told_the_right_ones(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    ask(world, client, "DELETE /echo/x HTTP/1.1\r\nHost: x\r\n\r\n", "}\n");
    assert_true(has(client, "HTTP/1.1 405 Method Not Allowed\r\n"));
    assert_true(has(client, "\r\nAllow: GET, HEAD, POST\r\n"));
    ask(world, client, "get /hello HTTP/1.1\r\nHost: x\r\n\r\n", "}\n");
    assert_true(has(client, "HTTP/1.1 405 "));
    assert_true(has(client, "\r\nAllow: GET, HEAD\r\n"));
    world_free(world);
}

static void head_has_the_headers_of_get_and_no_body(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    ask(world, client, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n");
    assert_true(has(client, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(client, "Content-Length: 6\r\n"));
    ask(world, client, "HEAD /nothing HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n");
    assert_true(has(client, "HTTP/1.1 404 "));
    const char *answer = get_hello(world, client); /* nothing was left in between */
    assert_ptr_equal(strstr(answer, "HTTP/1.1 200"), answer);
    world_free(world);
}

static void a_body_is_read_whole_however_it_comes(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    const char *request = "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nwh\tle";
    for (const char *at = request; *at; at++) {
        assert_int_equal(world->called, 0);
        say_bytes(client, at, 1);
        uv_run(&world->loop, UV_RUN_NOWAIT);
    }
    until(world, has(client, "}\n"));
    assert_true(has(client, "\"body\":\"wh\\tle\""));
    json_t *json = echo(world, client,
                        "POST /echo/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    assert_member(json, "body", "abcdefg");
    json_decref(json);
    json = echo(world, client, "POST /echo/x HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_member(json, "body", "");
    json_decref(json);
    world_free(world);
}

static void a_client_that_asks_first_is_told_to_send(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    ask(world, client, "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n");
    ask(world, client, "whole", "\"body\":\"whole\"");
    world_free(world);
}

static struct str long_body(const char *head, size_t len)
{
    struct str request = STR_INIT;
    str_printf(&request, "%sContent-Length: %zu\r\n\r\n", head, len);
    for (size_t i = 0; i < len; i++)
        str_putc(&request, 'x');
    assert_false(str_failed(&request));
    return request;
}

static void a_body_as_large_as_the_limit_is_taken_and_one_byte_more_is_refused(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    struct str request = long_body("POST /echo/x HTTP/1.1\r\nHost: x\r\n", 100000);
    ask(world, client, request.bytes, "}\n");
    assert_true(has(client, "HTTP/1.1 200 "));
    str_fini(&request);
    request = long_body("POST /echo/x HTTP/1.1\r\nHost: x\r\n", 100001);
    ask(world, client, request.bytes, "}\n");
    assert_true(has(client, "HTTP/1.1 413 "));
    str_fini(&request);
    assert_int_equal(world->called, 1);
    get_hello(world, client); /* the refused body was read to its end */
    world_free(world);
}

static void a_body_is_refused_where_none_is_taken(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    ask(world, client, "GET /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "}\n");
    assert_true(has(client, "HTTP/1.1 413 "));
    assert_int_equal(world->called, 0);
    world_free(world);
}

static void chunks_beyond_the_limit_are_refused(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "POST /later HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (unsigned i = 0; i < 101; i++)
        say(client, "a\r\n0123456789\r\n");
    ask(world, client, "0\r\n\r\n", "}\n");
    assert_true(has(client, "HTTP/1.1 413 "));
    assert_int_equal(world->called, 0);
    world_free(world);
}

static void a_client_that_asks_first_need_not_send_what_is_refused(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    ask(world, client, "POST /later HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
        "}\n");
    assert_true(has(client, "HTTP/1.1 413 "));
    assert_false(has(client, "100 Continue"));
    world_free(world);
}

static void what_is_not_http_is_refused(void **state)
{
    static const char *const requests[] = {
        "\x16\x03\x01\x02\r\n\r\n", "GET /hello HTTP/1.1\r\n\r\n", "GET /hello HTTP/1.1\r\nHost x\r\n\r\n",
        "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n", "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9x\r\n\r\n"};
    struct world *world = world_new(*state, world_options());
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct client *client = client_local(world);
        say(client, requests[i]);
        until(world, client->ended);
        if (client->in.len > 0 && !has(client, "HTTP/1.1 400 ") && !has(client, "HTTP/1.0 400 "))
            fail_msg("%zu: %s", i, client->in.bytes);
    }
    assert_int_equal(world->called, 0);
    get_hello(world, client_local(world));
    world_free(world);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client,
        "GET /echo/1 HTTP/1.1\r\nHost: x\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n"
        "POST /echo/3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, world->n_held == 1);
    assert_int_equal(world->called, 2);
    until(world, has(client, "\"name\":\"1\""));
    http_respond_text(world->held[--world->n_held], 200, "second\n");
    until(world, has(client, "hello\n"));
    const char *second = strstr(client->in.bytes, "second\n"), *third = strstr(client->in.bytes, "\"name\":\"3\"");
    assert_true(second && third && second < third);
    assert_int_equal(count(client, "HTTP/1.1 200 OK\r\n"), 4);
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

/* What a proxy in front takes for one request must not be two. */
static void a_request_whose_end_is_not_certain_hides_no_second_one(void **state)
{
    static const char *const heads[] = {
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 0\r\nContent-Length: 40",
        "Content-Length : 40",
        "Content-Length\t: 40",
        "Content-Length: 0\r\n 40", /* libmicrohttpd puts what is continued behind the name */
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding:\r\n chunked\r\nContent-Length: 0",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\t",
        "X-A: b\rContent-Length: 40",
        "X-A: b\r\n Content-Length: 40",
        "X(A): b",
        "Host: y",
    };
    for (size_t i = 0; i < 2 * sizeof heads / sizeof *heads; i++) {
        struct world *world = world_new(*state, world_options());
        struct client *client = client_local(world);
        say(client, i % 2 ? "GET" : "POST");
        say(client, " /echo/x HTTP/1.1\r\nHost: x\r\n");
        say(client, heads[i / 2]);
        say(client, "\r\n\r\n0\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        until(world, client->ended || world->n_held > 0);
        assert_true(has(client, "HTTP/1.1 400 "));
        assert_int_equal(count(client, "HTTP/1.1 "), 1);
        assert_int_equal(world->called, 0);
        world_free(world);
    }
}

static void a_header_of_many_kinds_of_characters_is_taken(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "POST /echo/x HTTP/1.1\r\nHost: x\r\nX-!#$%&'*+.^_`|~9: \xc3\xbc (a,\tb)\r\nX-Empty:\r\n"
                "TRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, count(client, "HTTP/1.1 200 ") == 2);
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
        T(path_query_and_headers_are_decoded_after_they_were_split),
        T(a_query_without_values_is_read),
        T(what_is_no_path_is_refused),
        T(too_many_query_parameters_are_refused),
        T(an_unknown_path_is_a_problem_document),
        T(a_wrong_method_is_told_the_right_ones),
        T(head_has_the_headers_of_get_and_no_body),
        T(a_body_is_read_whole_however_it_comes),
        T(a_client_that_asks_first_is_told_to_send),
        T(a_body_as_large_as_the_limit_is_taken_and_one_byte_more_is_refused),
        T(a_body_is_refused_where_none_is_taken),
        T(chunks_beyond_the_limit_are_refused),
        T(a_client_that_asks_first_need_not_send_what_is_refused),
        T(what_is_not_http_is_refused),
        T(pipelined_requests_are_answered_in_order),
        T(while_an_answer_is_awaited_the_loop_sleeps),
        T(one_handler_may_answer_what_another_holds),
        T(a_request_whose_end_is_not_certain_hides_no_second_one),
        T(a_header_of_many_kinds_of_characters_is_taken),
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
