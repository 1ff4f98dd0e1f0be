/* http_request.c: one request from its first line until both who hold it have let go.
 *
 * Happy way: http_request_new at the request line; http_request_more for the headers (where it is judged: which route,
 * is it let in, too large), for each piece of the body, and for its end, where the handler is called. When that has not answered
 * on return, the connection is suspended; the answer wakes it and libmicrohttpd asks for more once again.
 * A body that is refused is read to its end all the same, so that the client gets to read why; the request's time
 * bounds that. Only a client that asked before sending it (Expect) is answered at once, and one whose request has no
 * certain end; libmicrohttpd then closes the connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

#define CROWDED_RETRY_S "1"

struct http_request *http_request_new(struct http_connection *connection, const char *uri)
{
    struct http_request *request = mem_zalloc(sizeof *request);
    if (!request)
        return NULL;
    request->refs = 1;
    request->connection = connection;
    request->peer = connection->peer;
    request->began_ns = uv_hrtime();
    str_init(&request->body);
    int rc = http_target_parse(&request->target, uri);
    if (rc == ERR_NOMEM) {
        mem_free(request);
        return NULL;
    }
    request->verdict = rc == 0 ? 0 : MHD_HTTP_BAD_REQUEST;
    return request;
}

/* The server lives as long as one of its requests has a part in what all bodies may be. */
static bool hold(struct http_request *request, size_t bytes)
{
    struct http_server *server = request->connection->server;
    if (bytes <= request->held_bytes)
        return true;
    size_t more = bytes - request->held_bytes;
    if (more > server->options.max_bodies_bytes - server->bodies_bytes)
        return false;
    if (!request->holder)
        server->n_handles++;
    request->holder = server;
    request->held_bytes = bytes;
    server->bodies_bytes += more;
    return true;
}

static void let_go(struct http_request *request)
{
    struct http_server *server = request->holder;
    if (!server)
        return;
    request->holder = NULL;
    server->bodies_bytes -= request->held_bytes;
    request->held_bytes = 0;
    http_server_handle_closed(server);
}

void http_request_unref(struct http_request *request)
{
    if (--request->refs > 0)
        return;
    if (request->response)
        MHD_destroy_response(request->response);
    if (request->stream)
        str_fini(&request->stream->buffer);
    mem_free(request->stream);
    for (size_t i = 0; i < request->n_headers; i++)
        mem_free(request->headers[i].value);
    http_target_fini(&request->target);
    if (request->form)
        http_target_fini(request->form);
    mem_free(request->form);
    str_fini(&request->body);
    let_go(request);
    mem_free(request);
}

void http_request_gone(struct http_request *request)
{
    const struct http_options *options = &request->connection->server->options;
    if (options->over && request->judged)
        options->over(request, request->status, (double)(uv_hrtime() - request->began_ns) / 1e6, options->context);
    request->connection->request = NULL;
    request->connection = NULL;
    request->suspended = false;
    http_request_unref(request);
}

void http_request_suspend(struct http_request *request)
{
    request->suspended = true;
    MHD_suspend_connection(request->connection->mhd);
}

void http_request_wake(struct http_request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->connection->mhd);
    http_server_again(request->connection->server);
}

static void refuse_crowded(struct http_request *request)
{
    request->verdict = MHD_HTTP_SERVICE_UNAVAILABLE;
    request->crowded = true;
}

static void judge(struct http_request *request, const char *method)
{
    const struct http_options *options = &request->connection->server->options;
    strncpy(request->method, method, sizeof request->method - 1);
    request->judged = true;
    if (request->verdict != 0)
        return;
    request->route =
        http_target_match(&request->target, options->routes, options->n_routes, request->method, &request->verdict);
    request->refs++; /* an answer takes one */
    if (options->admit && !options->admit(request, options->context))
        return;
    http_request_unref(request);
    if (!request->route)
        return;
    const char *length = http_request_header(request, "Content-Length");
    unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;
    request->verdict = announced > request->route->max_body_bytes ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
    if (request->verdict == 0 && !hold(request, announced))
        refuse_crowded(request);
}

static void add_body(struct http_request *request, const char *bytes, size_t len)
{
    if (request->verdict != 0 || request->answered)
        return;
    if (len > request->route->max_body_bytes - request->body.len)
        request->verdict = MHD_HTTP_CONTENT_TOO_LARGE;
    else if (!hold(request, request->body.len + len))
        refuse_crowded(request);
    else
        str_add(&request->body, bytes, len);
    if (str_failed(&request->body))
        request->verdict = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (request->verdict == 0)
        return;
    str_fini(&request->body);
    let_go(request);
}

static void refuse_method(struct http_request *request)
{
    const struct http_options *options = &request->connection->server->options;
    struct str allow = STR_INIT;
    http_target_allow(&request->target, options->routes, options->n_routes, &allow);
    http_request_set_header(request, "Allow", allow.bytes);
    str_fini(&allow);
    http_answer_problem(request, request->verdict, "the path is there, but not for this method");
}

static void refuse(struct http_request *request)
{
    if (request->crowded) {
        http_request_set_header(request, "Retry-After", CROWDED_RETRY_S);
        http_answer_problem(request, request->verdict, "bodies: as much is being sent as is held at once; ask again");
        return;
    }
    switch (request->verdict) {
    case MHD_HTTP_METHOD_NOT_ALLOWED:
        refuse_method(request);
        break;
    case MHD_HTTP_BAD_REQUEST:
        http_answer_problem(request, request->verdict, "the path, the query or a header is malformed");
        break;
    case MHD_HTTP_CONTENT_TOO_LARGE:
        http_answer_problem(request, request->verdict, "the body is larger than this path takes");
        break;
    case MHD_HTTP_NOT_FOUND:
        http_answer_problem(request, request->verdict, "there is nothing at this path");
        break;
    default:
        http_answer_no_memory(request);
    }
}

/* No: libmicrohttpd closes the connection. */
static enum MHD_Result send_answer(struct http_request *request)
{
    struct http_connection *connection = request->connection;
    struct MHD_Response *response = request->response;
    if (!response)
        return MHD_NO;
    request->response = NULL;
    http_connection_limit(connection, request->stream ? 0 : connection->server->options.send_ms);
    enum MHD_Result rc = MHD_queue_response(connection->mhd, request->status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result run(struct http_request *request)
{
    struct http_server *server = request->connection->server;
    if (!request->started && !request->answered && !server->closing && request->verdict == 0) {
        request->refs++;
        http_connection_limit(request->connection, 0);
        request->started = true;
        request->route->handler(request, server->options.context);
    } else if (!request->started && !request->answered && request->verdict != 0) {
        refuse(request);
    }
    if (!request->answered && server->closing)
        http_answer_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "the service is stopping");
    if (!request->answered) {
        http_request_suspend(request);
        return MHD_YES;
    }
    return send_answer(request);
}

static bool waits_for_word(struct http_request *request)
{
    const char *expect = http_request_header(request, "Expect");
    return expect && strcasecmp(expect, "100-continue") == 0;
}

enum MHD_Result http_request_more(struct http_request *request, const char *method, const char *version,
                                  const char *bytes, size_t *len)
{
    if (!request->judged) {
        judge(request, method);
        bool at_once = http_is_ambiguous(request, version), refused = request->verdict != 0 || request->answered;
        if (at_once)
            request->verdict = MHD_HTTP_BAD_REQUEST;
        return at_once || (refused && waits_for_word(request)) ? run(request) : MHD_YES;
    }
    if (*len > 0) {
        add_body(request, bytes, *len);
        *len = 0;
        return MHD_YES;
    }
    return run(request);
}

const struct http_route *http_request_route(const struct http_request *request)
{
    return request->route;
}

const char *http_request_method(const struct http_request *request)
{
    return request->method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->target.path;
}

const char *http_request_param(const struct http_request *request, const char *name)
{
    return http_pair_find(request->target.params, request->target.n_params, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
    return http_pair_find(request->target.query, request->target.n_query, name);
}

const char *http_request_query_name(const struct http_request *request, size_t index)
{
    return index < request->target.n_query ? request->target.query[index].name : NULL;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    if (!request->connection)
        return NULL;
    return MHD_lookup_connection_value(request->connection->mhd, MHD_HEADER_KIND, name);
}

const char *http_request_body(const struct http_request *request, size_t *len)
{
    *len = request->body.len;
    return request->body.bytes;
}

/* A form is written as a query is. */
static struct http_target *read_form(const struct str *body)
{
    struct str uri = STR_INIT;
    struct http_target *form = mem_zalloc(sizeof *form);
    str_puts(&uri, "/?");
    str_add(&uri, body->bytes, body->len);
    bool fine = form && !str_failed(&uri) && strlen(uri.bytes) == uri.len;
    if (fine && http_target_parse(form, uri.bytes) != 0)
        form->n_query = 0;
    str_fini(&uri);
    return form;
}

const char *http_request_form(struct http_request *request, const char *name)
{
    if (!request->form)
        request->form = read_form(&request->body);
    return request->form ? http_pair_find(request->form->query, request->form->n_query, name) : NULL;
}

const struct http_peer *http_request_peer(const struct http_request *request)
{
    return &request->peer;
}

void http_request_set_who(struct http_request *request, const char *who)
{
    snprintf(request->who, sizeof request->who, "%s", who);
}

const char *http_request_who(const struct http_request *request)
{
    return request->who;
}
