/* api_upload.c: a file is put into a client's hot folder, where the intake takes it up like any other. It is written
 * beside itself as a hidden file, flushed, and gets its name when nobody else has it: what was answered with 201 is there
 * after a power cut. One at a time: the hidden file has one name for each instance.
 *
 * Happy way: limits and names are looked at -> who sends it is noted for the job's story -> it is written. */
#include <string.h>
#include <unistd.h>

#include "shunt/base/log.h"
#include "shunt/base/mem.h"
#include "shunt/core/multipart.h"

#include "acceptance.h"

struct upload_call {
    struct call call; /* first */
    struct acceptance acceptance;
    char *client, *name, *type; /* name: NULL: the form says it */
    struct multipart_file file; /* of the request's body */
    char temporary[48];
    char who[WHO_MAX];
    bool noted; /* who sends it, to be forgotten unless it lies there */
};

static void upload_fini(struct call *call)
{
    struct upload_call *upload = (struct upload_call *)call;
    if (upload->noted)
        hands_forget(&call->control->service->recall.hands, upload->client, upload->name);
    mem_free(upload->client);
    mem_free(upload->name);
    mem_free(upload->type);
}

/* The file that was sent. */
static int read_body(struct upload_call *upload, struct error *e)
{
    struct multipart_file *file = &upload->file;
    file->bytes = http_request_body(upload->call.request, &file->len);
    if (multipart_is(upload->type)) {
        if (multipart_read(upload->type, file->bytes, file->len, file, e) != 0)
            return e->code;
        if (!upload->name && !(upload->name = mem_strdup(file->name)))
            return error_set(e, ERR_NOMEM, "out of memory");
    }
    if (!upload->name)
        return error_set(e, ERR_USAGE, "?name= must say what the file is called");
    return file->len > 0 ? 0 : error_set(e, ERR_USAGE, "the file is empty");
}

static int run_read(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    struct upload_call *upload = (struct upload_call *)call;
    const struct config *c = call->control->service->config;
    if (!acceptance_open(&upload->acceptance, c))
        return 0;
    int rc = read_body(upload, e);
    return rc ? rc : acceptance_names(c->settings, upload->client, upload->name, e);
}

static int run_write(struct call *call, struct store *store, struct error *e)
{
    (void)store;
    const struct upload_call *upload = (struct upload_call *)call;
    const struct config *c = call->control->service->config;
    int folder = acceptance_client(c, upload->client, e);
    if (folder < 0)
        return folder;
    int rc = files_write_new(folder, upload->temporary, upload->name, upload->file.bytes, upload->file.len,
                             c->settings->mode, e);
    close(folder);
    return rc;
}

static void on_uploaded(struct call *call)
{
    struct upload_call *upload = (struct upload_call *)call;
    if (call->code != 0) {
        acceptance_fail(call);
        return;
    }
    upload->noted = false;
    log_write(LOG_EVENT(LOG_INFO, "uploaded", .client = upload->client, .file = upload->name), "Sent by %s",
              upload->who);
    api_answer(call->request, 201, json_pack("{s:s, s:s}", "file", upload->name, "client", upload->client));
    call_free(call);
}

/* Who sends it is noted before it lies in the hot folder, where it is seen at once. */
static void on_read(struct call *call)
{
    struct upload_call *upload = (struct upload_call *)call;
    char text[WHO_MAX + 16];
    if (upload->acceptance.limit != PRESSURE_NONE) {
        acceptance_refuse(&upload->acceptance, call->request);
        call_free(call);
        return;
    }
    if (call->code != 0) {
        acceptance_fail(call);
        return;
    }
    snprintf(text, sizeof text, "sent by %s", upload->who);
    struct service *s = call->control->service;
    upload->noted =
        hands_note(&s->recall.hands, upload->client, upload->name, s->rt.clock->wall_ms(s->rt.clock), "uploaded", text);
    call->run = run_write;
    call->done = on_uploaded;
    call_begin_or_refuse(call, &call->control->submits);
}

static bool fill(struct upload_call *upload, struct http_request *request)
{
    const char *name = http_request_query(request, "name"), *type = http_request_header(request, "Content-Type");
    upload->client = mem_strdup(http_request_param(request, "client"));
    upload->name = name ? mem_strdup(name) : NULL;
    upload->type = type ? mem_strdup(type) : NULL;
    return upload->client && (upload->name || !name) && (upload->type || !type);
}

void api_upload(struct http_request *request, void *context)
{
    struct control *c = context;
    struct upload_call *upload = call_new(c, request, sizeof *upload);
    if (!upload)
        return;
    upload->call.fini = upload_fini;
    upload->call.run = run_read;
    upload->call.done = on_read;
    acceptance_begin(&upload->acceptance, c->service, 1);
    api_who(request, upload->who);
    snprintf(upload->temporary, sizeof upload->temporary, ".shunt-upload-%u.tmp", c->service->instance.number);
    if (fill(upload, request)) {
        call_begin_or_refuse(&upload->call, &c->submits);
        return;
    }
    http_respond_problem(request, 503, "out of memory");
    call_free(&upload->call);
}
