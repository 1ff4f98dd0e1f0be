/* acceptance.c: see acceptance.h. */
#include "acceptance.h"

#include <string.h>
#include <unistd.h>

#include "shunt/core/name.h"
#include "shunt/io/files.h"

#include "spool.h"

#define PRESSURE_MS 250 /* so long is memory believed to be as it was */

void acceptance_begin(struct acceptance *acceptance, const struct service *s, size_t more)
{
    acceptance->pressure.waiting = s->intake.queued + (s->spool ? s->spool->n_due : 0);
    acceptance->pressure.more = more;
}

static uint64_t free_bytes_of(const struct disk *disk)
{
    return disk->known && disk->is.size_bytes > 0 ? disk->is.free_bytes : UINT64_MAX;
}

/* Memory: /proc and the control group are no disk. */
static void look_around(struct control *c)
{
    static const char *const no_folders[] = {NULL};
    const struct disks *disks = &c->service->disks;
    uint64_t hot = free_bytes_of(&disks->of[DISK_HOT]), data = free_bytes_of(&disks->of[DISK_DATA]);
    if (runtime_now(&c->service->rt) < c->pressure_until_ms)
        return;
    pressure_read(&c->pressure, "", no_folders);
    c->pressure.free_bytes = hot < data ? hot : data;
    c->pressure_until_ms = runtime_now(&c->service->rt) + PRESSURE_MS;
}

bool acceptance_admit(struct control *c, struct http_request *request)
{
    struct acceptance acceptance;
    look_around(c);
    acceptance.pressure = c->pressure;
    acceptance_begin(&acceptance, c->service, 1);
    acceptance.limit = pressure_judge(&acceptance.pressure, c->service->config->settings, acceptance.why);
    if (acceptance.limit == PRESSURE_NONE)
        return true;
    acceptance_refuse(&acceptance, request);
    return false;
}

bool acceptance_open(struct acceptance *acceptance, const struct config *c)
{
    const char *const folders[] = {c->hot, c->data, NULL};
    pressure_read(&acceptance->pressure, "", folders);
    acceptance->limit = pressure_judge(&acceptance->pressure, c->settings, acceptance->why);
    return acceptance->limit == PRESSURE_NONE;
}

void acceptance_refuse(const struct acceptance *acceptance, struct http_request *request)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", pressure_retry_s(acceptance->limit));
    http_request_set_header(request, "Retry-After", seconds);
    http_respond_problem(request, 503, "%s", acceptance->why);
}

void acceptance_fail(struct call *call)
{
    enum error_class class = error_class_of(call->code);
    unsigned status = call->code == ERR_GONE                                ? 404
                      : call->code == ERR_BUSY                              ? 409
                      : call->code == ERR_USAGE || call->code == ERR_SYNTAX ? 400
                      : class == CLASS_INVALID                              ? 422
                                                                            : 503;
    http_respond_problem(call->request, status, "%s", call->error.text);
    call_free(call);
}

int acceptance_names(const struct settings *s, const char *client, const char *name, struct error *e)
{
    if (name_check(client, strlen(client), e) != 0)
        return error_context(e, "client");
    if (name_check(name, strlen(name), e) != 0)
        return error_context(e, "name");
    enum name_kind kind = name_kind_of(name, &s->tickets, &s->files);
    if (kind != NAME_TICKET && kind != NAME_FILE)
        return error_set(e, ERR_BAD_NAME, "name: a file of this name is not taken up: %s", name);
    return 0;
}

int acceptance_client(const struct config *c, const char *client, struct error *e)
{
    struct error why = {0};
    int hot = files_open_folder(c->hot, e);
    if (hot < 0)
        return hot;
    int fd = files_open_below(hot, client, false, 0, false, &why);
    close(hot);
    if (fd >= 0)
        return fd;
    if (why.code == ERR_NOPLACE)
        return error_set(e, ERR_GONE, "%s: there is no client of this name", client);
    return error_set(e, why.code, "%s", why.text);
}
