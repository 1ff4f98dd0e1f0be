/* http_response.c: answers, whole ones and streams.
 *
 * A stream's bytes wait in its buffer until libmicrohttpd asks for them; while there are none, its connection is
 * suspended. A client that does not keep up is cut, by a full buffer or after send_ms: it can come again, and nobody
 * else waits for it. What can fail is memory: then a constant 503 is tried, then the connection is cut. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "shunt/base/mem.h"

#include "http_internal.h"

#define STREAM_BLOCK_BYTES 4096

static const char no_memory[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                                "\"detail\":\"out of memory\"}\n";

void http_answer(struct http_request *request, unsigned status, struct MHD_Response *response)
{
    if (request->answered || !request->connection) {
        if (response)
            MHD_destroy_response(response);
        return;
    }
    request->answered = true;
    request->status = status;
    request->response = response;
    http_request_wake(request);
}

static bool is_set(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

static bool add_headers(struct http_request *request, struct MHD_Response *response, const char *type)
{
    const struct http_options *options = request->connection ? &request->connection->server->options : NULL;
    bool fine = MHD_add_response_header(response, "Content-Type", type) == MHD_YES;
    for (size_t i = 0; i < request->n_headers; i++)
        fine =
            MHD_add_response_header(response, request->headers[i].name, request->headers[i].value) == MHD_YES && fine;
    for (size_t i = 0; options && i < options->n_fields; i++)
        if (!is_set(request, options->fields[i].name))
            fine =
                MHD_add_response_header(response, options->fields[i].name, options->fields[i].value) == MHD_YES && fine;
    return fine;
}

static void answer_constant(struct http_request *request, unsigned status, const char *type, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (response)
        MHD_add_response_header(response, "Content-Type", type);
    http_answer(request, status, response);
}

void http_answer_no_memory(struct http_request *request)
{
    answer_constant(request, MHD_HTTP_SERVICE_UNAVAILABLE, "application/problem+json", no_memory);
}

bool http_answer_response(struct http_request *request, unsigned status, const char *type,
                          struct MHD_Response *response)
{
    if (!response) {
        http_answer_no_memory(request);
        return false;
    }
    if (request->bad_header || !add_headers(request, response, type)) {
        MHD_destroy_response(response);
        answer_constant(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8",
                        "a header of this answer cannot be sent\n");
        return false;
    }
    http_answer(request, status, response);
    return true;
}

/* bytes: taken, by mem; NULL: there was no memory for them. */
static struct MHD_Response *response_of(char *bytes, size_t len)
{
    struct MHD_Response *response =
        bytes ? MHD_create_response_from_buffer_with_free_callback(len, bytes, mem_free) : NULL;
    if (!response)
        mem_free(bytes);
    return response;
}

static bool is_read(const struct http_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static void answer_read(struct http_request *request, const char *type, struct http_content *content)
{
    if (content)
        http_answer_content(request, type, content);
    else
        http_answer_no_memory(request);
}

static void answer_bytes(struct http_request *request, unsigned status, const char *type, char *bytes, size_t len)
{
    if (status == MHD_HTTP_OK && is_read(request)) {
        struct http_content *content = http_content_of(bytes, len);
        answer_read(request, type, content);
        http_content_unref(content);
    } else {
        http_answer_response(request, status, type, response_of(bytes, len));
    }
}

static int append(const char *bytes, size_t len, void *text)
{
    str_add(text, bytes, len);
    return str_failed(text) ? -1 : 0;
}

static void answer_json(struct http_request *request, unsigned status, const char *type, const json_t *json)
{
    struct str text = STR_INIT;
    int rc = json ? json_dump_callback(json, append, &text, JSON_COMPACT | JSON_ENCODE_ANY) : -1;
    str_putc(&text, '\n');
    size_t len = text.len;
    if (rc != 0)
        str_fini(&text);
    answer_bytes(request, status, type, rc == 0 ? str_take(&text) : NULL, len);
}

void http_answer_problem(struct http_request *request, unsigned status, const char *detail)
{
    const char *title = MHD_get_reason_phrase_for(status);
    struct str plain = STR_INIT; /* whatever the detail quotes: it becomes UTF-8 */
    str_plain(&plain, detail, strlen(detail));
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title ? title : "", "status",
                                (int)status, "detail", plain.bytes);
    answer_json(request, status, "application/problem+json", str_failed(&plain) ? NULL : problem);
    json_decref(problem);
    str_fini(&plain);
}

void http_request_set_header(struct http_request *request, const char *name, const char *value)
{
    char *copy = request->n_headers < HTTP_RESPONSE_HEADERS_MAX ? mem_strdup(value) : NULL;
    if (copy)
        request->headers[request->n_headers++] = (struct http_header){.name = name, .value = copy};
    else
        request->bad_header = true;
}

void http_respond(struct http_request *request, unsigned status, const char *type, const void *bytes, size_t len)
{
    answer_bytes(request, status, type, mem_strndup(bytes, len), len);
    http_request_unref(request);
}

void http_respond_content(struct http_request *request, const char *type, struct http_content *content)
{
    answer_read(request, type, content);
    http_request_unref(request);
}

void http_respond_text(struct http_request *request, unsigned status, const char *text)
{
    http_respond(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

void http_respond_json(struct http_request *request, unsigned status, const json_t *json)
{
    answer_json(request, status, "application/json", json);
    http_request_unref(request);
}

void http_respond_problem(struct http_request *request, unsigned status, const char *fmt, ...)
{
    char detail[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    http_answer_problem(request, status, detail);
    http_request_unref(request);
}

/* libmicrohttpd asks for what comes next. */
static ssize_t give(void *context, uint64_t position, char *out, size_t max)
{
    (void)position;
    struct http_stream *stream = context;
    struct http_request *request = stream->request;
    struct http_connection *connection = request->connection;
    size_t len = stream->buffer.len - stream->taken;
    if (stream->cut)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (len == 0 && (stream->ended || connection->server->closing))
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (len == 0) {
        http_request_suspend(request);
        return 0;
    }
    size_t n = len < max ? len : max;
    memcpy(out, stream->buffer.bytes + stream->taken, n);
    stream->taken += n;
    http_connection_limit(connection, n == len && !stream->ended ? 0 : connection->server->options.send_ms);
    return (ssize_t)n;
}

struct http_stream *http_stream_begin(struct http_request *request, const char *type)
{
    struct http_stream *stream = mem_zalloc(sizeof *stream);
    struct MHD_Response *response =
        stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, give, stream, NULL) : NULL;
    if (!http_answer_response(request, MHD_HTTP_OK, type, response)) {
        mem_free(stream);
        http_request_unref(request);
        return NULL;
    }
    stream->request = request;
    str_init(&stream->buffer);
    request->stream = stream; /* before libmicrohttpd runs again */
    return stream;
}

int http_stream_write(struct http_stream *stream, const void *bytes, size_t len)
{
    struct http_connection *connection = stream->request->connection;
    if (!connection || stream->cut)
        return ERR_GONE;
    size_t waiting = stream->buffer.len - stream->taken;
    bool fits = len <= connection->server->options.max_stream_bytes - waiting;
    if (fits && stream->taken > 0) {
        memmove(stream->buffer.bytes, stream->buffer.bytes + stream->taken, waiting);
        stream->buffer.len = waiting;
        stream->taken = 0;
    }
    if (fits)
        str_add(&stream->buffer, bytes, len);
    if (!fits || str_failed(&stream->buffer)) {
        http_connection_cut(connection);
        return ERR_GONE;
    }
    if (connection->deadline_ms == 0)
        http_connection_limit(connection, connection->server->options.send_ms);
    http_request_wake(stream->request);
    return 0;
}

ssize_t http_stream_waiting(const struct http_stream *stream)
{
    return stream->request->connection && !stream->cut ? (ssize_t)(stream->buffer.len - stream->taken) : ERR_GONE;
}

void http_stream_close(struct http_stream *stream)
{
    struct http_request *request = stream->request;
    stream->ended = true;
    if (request->connection) {
        http_connection_limit(request->connection, request->connection->server->options.send_ms);
        http_request_wake(request);
    }
    http_request_unref(request);
}

void http_stream_cut(struct http_stream *stream)
{
    if (stream->request->connection)
        http_connection_cut(stream->request->connection);
    http_stream_close(stream);
}
