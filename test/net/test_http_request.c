/* test_http_request.c: what a request line and headers say, and what is refused of them. */
#include "http_world.h"

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

static void what_is_not_http_is_refused(void **state)
{
    static const char *const requests[] = {"\x16\x03\x01\x02\r\n\r\n",
                                           "GET /hello HTTP/1.1\r\n\r\n",
                                           "GET /hello HTTP/1.1\r\nHost x\r\n\r\n",
                                           "GET /hello HTTP/1.1\r\n: b\r\nHost: x\r\n\r\n",
                                           "GET /hel lo HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "POST /echo/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9x\r\n\r\n"};
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
        "X-A: b\r\n c",
        "X-A: b\r\n \r\n",
        "X-A:\r\n\tb",
        "Content-Len: 40\r\n gth",
        "Transfer: chunked\r\n -Encoding",
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
        if (!has(client, "HTTP/1.1 400 "))
            fail_msg("%zu: %s", i, client->in.bytes);
        assert_int_equal(count(client, "HTTP/1.1 "), 1);
        assert_int_equal(world->called, 0);
        world_free(world);
    }
}

static void what_knows_no_transfer_coding_has_none(void **state)
{
    struct world *world = world_new(*state, world_options());
    struct client *client = client_local(world);
    say(client, "POST /echo/x HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                "0\r\n\r\nGET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    until(world, client->ended || world->n_held > 0);
    assert_int_equal(count(client, " 400 "), 1);
    assert_int_equal(count(client, "HTTP/1."), 1);
    assert_int_equal(world->called, 0);
    world_free(world);
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

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(path_query_and_headers_are_decoded_after_they_were_split),
        T(a_query_without_values_is_read),
        T(what_is_no_path_is_refused),
        T(too_many_query_parameters_are_refused),
        T(an_unknown_path_is_a_problem_document),
        T(a_wrong_method_is_told_the_right_ones),
        T(head_has_the_headers_of_get_and_no_body),
        T(what_is_not_http_is_refused),
        T(pipelined_requests_are_answered_in_order),
        T(a_request_whose_end_is_not_certain_hides_no_second_one),
        T(what_knows_no_transfer_coding_has_none),
        T(a_header_of_many_kinds_of_characters_is_taken),
    };
    return cmocka_run_group_tests_name("net/http_request", tests, NULL, NULL);
}
