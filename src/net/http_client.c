/* http_client.c: see http_client.h. One easy handle, used for one request after the other; the connection is kept. */
#include "shunt/net/http_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "shunt/base/clock.h"
#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "curl_calls.h"

struct http_client {
    struct curl_calls call;
    CURL *curl;
    struct curl_slist *json_header;
    char *path;
    unsigned timeout_ms;
};

/* What comes in, whole or as a stream. */
struct transfer {
    const struct http_client *client;
    struct str text; /* the whole, or a stream's problem */
    bool too_large;
    http_client_take take; /* NULL: no stream */
    void *context;
    bool ended;      /* by `take` */
    int64_t last_ms; /* when something came */
    unsigned timeout_ms;
    bool silent; /* for too long */
};

int http_client_new(const char *path, unsigned timeout_ms, struct http_client **out, struct error *e)
{
    size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (strlen(path) > most)
        return error_set(e, ERR_CONFIG, "the socket's path has %zu bytes, at most %zu can be: %s", strlen(path), most,
                         path);
    struct curl_calls call;
    int rc = curl_calls_load(&call, e);
    if (rc != 0)
        return rc;
    struct http_client *client = mem_zalloc(sizeof *client);
    if (client) {
        client->call = call;
        client->path = mem_strdup(path);
        client->curl = client->call.easy_init();
        client->json_header = client->call.slist_append(NULL, "Content-Type: application/json");
        client->timeout_ms = timeout_ms;
    }
    if (!client || !client->path || !client->curl || !client->json_header) {
        http_client_free(client);
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    *out = client;
    return 0;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    client->call.easy_cleanup(client->curl);
    client->call.slist_free_all(client->json_header);
    mem_free(client->path);
    mem_free(client);
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *context)
{
    struct transfer *transfer = context;
    size_t len = size * n;
    long status = 0;
    transfer->last_ms = clock_real.mono_ms(&clock_real);
    transfer->client->call.easy_getinfo(transfer->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->take && status < 400) {
        transfer->ended = !transfer->take(transfer->context, bytes, len);
        return transfer->ended ? 0 : len;
    }
    transfer->too_large = len > HTTP_CLIENT_REPLY_MAX - transfer->text.len;
    if (transfer->too_large)
        return 0;
    str_add(&transfer->text, bytes, len);
    return str_failed(&transfer->text) ? 0 : len;
}

/* Only for streams; curl calls it at least about once a second, also when nothing comes. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    struct transfer *transfer = context;
    transfer->silent = clock_real.mono_ms(&clock_real) - transfer->last_ms > transfer->timeout_ms;
    transfer->ended = transfer->ended || (!transfer->silent && !transfer->take(transfer->context, NULL, 0));
    return transfer->silent || transfer->ended;
}

static int connect_error(const struct http_client *client, struct error *e)
{
    long why = 0;
    client->call.easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &why);
    if (why == EACCES || why == EPERM)
        return error_set(e, ERR_ACCESS, "may not talk to the service at %s: it belongs to another user", client->path);
    return error_set(e, ERR_GONE, "no service listens at %s", client->path);
}

static int transfer_error(const struct http_client *client, const struct transfer *transfer, CURLcode rc,
                          struct error *e)
{
    if (transfer->ended)
        return 0;
    if (str_failed(&transfer->text) || rc == CURLE_OUT_OF_MEMORY)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (transfer->too_large)
        return error_set(e, ERR_TOO_LARGE, "the service's answer is larger than %lu MiB",
                         HTTP_CLIENT_REPLY_MAX / 1024 / 1024);
    if (rc == CURLE_COULDNT_CONNECT)
        return connect_error(client, e);
    if (rc == CURLE_OPERATION_TIMEDOUT || transfer->silent)
        return error_set(e, ERR_TIMEOUT, "the service at %s does not answer (waited %u ms)", client->path,
                         client->timeout_ms);
    return error_set(e, ERR_NETWORK, "the service at %s broke off: %s", client->path, client->call.easy_strerror(rc));
}

static int perform(struct http_client *client, const char *target, struct transfer *transfer, struct error *e)
{
    struct str url = STR_INIT;
    str_printf(&url, "http://shunt%s", target);
    client->call.easy_setopt(client->curl, CURLOPT_URL, url.bytes);
    client->call.easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, client->path);
    client->call.easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http");
    client->call.easy_setopt(client->curl, CURLOPT_PATH_AS_IS, 1L);
    client->call.easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    client->call.easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    client->call.easy_setopt(client->curl, CURLOPT_WRITEDATA, transfer);
    transfer->client = client;
    CURLcode rc = str_failed(&url) ? CURLE_OUT_OF_MEMORY : client->call.easy_perform(client->curl);
    str_fini(&url);
    return rc == CURLE_OK ? 0 : transfer_error(client, transfer, rc, e);
}

static const char *member(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

/* For a person. NULL: no memory. */
static char *problem_text(long status, const json_t *body)
{
    const char *title = member(body, "title");
    const char *detail = member(body, "detail");
    struct str text = STR_INIT;
    if (detail || title)
        str_plain(&text, detail ? detail : title, strlen(detail ? detail : title));
    else
        str_printf(&text, "the service answered with status %ld", status);
    return str_take(&text);
}

void http_reply_fini(struct http_reply *reply)
{
    json_decref(reply->body);
    mem_free(reply->text);
    mem_free(reply->problem);
    *reply = (struct http_reply){.status = 0};
}

/* Takes the transfer's text. */
static int fill_reply(struct http_client *client, struct transfer *transfer, struct http_reply *reply, struct error *e)
{
    size_t len = transfer->text.len;
    client->call.easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply->status);
    reply->text = mem_strndup(transfer->text.bytes, len);
    reply->body = json_loadb(transfer->text.bytes, len, JSON_DECODE_ANY, NULL);
    if (reply->status >= 400)
        reply->problem = problem_text(reply->status, reply->body);
    if (reply->text && (reply->problem || reply->status < 400))
        return 0;
    http_reply_fini(reply);
    return error_set(e, ERR_NOMEM, "out of memory");
}

int http_client_request(struct http_client *client, const char *method, const char *target, const json_t *body,
                        struct http_reply *reply, struct error *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (body && !text)
        return error_set(e, ERR_NOMEM, "out of memory");
    struct transfer transfer = {.text = STR_INIT};
    *reply = (struct http_reply){.status = 0};
    client->call.easy_reset(client->curl);
    if (text) {
        client->call.easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
        client->call.easy_setopt(client->curl, CURLOPT_POSTFIELDS, text);
        client->call.easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->json_header);
    }
    client->call.easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    client->call.easy_setopt(client->curl, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    client->call.easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
    int rc = perform(client, target, &transfer, e);
    if (rc == 0)
        rc = fill_reply(client, &transfer, reply, e);
    str_fini(&transfer.text);
    free(text);
    return rc;
}

int http_client_stream(struct http_client *client, const char *target, http_client_take take, void *context,
                       struct error *e)
{
    struct transfer transfer = {.text = STR_INIT,
                                .take = take,
                                .context = context,
                                .timeout_ms = client->timeout_ms,
                                .last_ms = clock_real.mono_ms(&clock_real)};
    struct http_reply reply = {.status = 0};
    client->call.easy_reset(client->curl);
    client->call.easy_setopt(client->curl, CURLOPT_NOPROGRESS, 0L);
    client->call.easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    client->call.easy_setopt(client->curl, CURLOPT_XFERINFODATA, &transfer);
    int rc = perform(client, target, &transfer, e);
    if (rc == 0)
        rc = fill_reply(client, &transfer, &reply, e);
    if (rc == 0 && reply.problem)
        rc = error_set(e, reply.status < 500 ? ERR_USAGE : ERR_NETWORK, "%s", reply.problem);
    http_reply_fini(&reply);
    str_fini(&transfer.text);
    return rc;
}
