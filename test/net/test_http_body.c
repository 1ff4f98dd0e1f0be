/* test_http_body.c: bodies of requests, up to their limits. */
#include "http_world.h"

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

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
    const struct CMUnitTest tests[] = {
        T(a_body_is_read_whole_however_it_comes),
        T(a_client_that_asks_first_is_told_to_send),
        T(a_body_as_large_as_the_limit_is_taken_and_one_byte_more_is_refused),
        T(a_body_is_refused_where_none_is_taken),
        T(chunks_beyond_the_limit_are_refused),
        T(a_client_that_asks_first_need_not_send_what_is_refused),
    };
    return cmocka_run_group_tests_name("net/http_body", tests, NULL, NULL);
}
