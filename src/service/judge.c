/* judge.c: see judge.h. */
#include "shunt/service/judge.h"

#include <string.h>

#include "shunt/base/mem.h"

static int set_client(struct ticket *t, const char *client, size_t fields)
{
    if (!t->fields && !(t->fields = mem_zalloc(fields * sizeof *t->fields)))
        return ERR_NOMEM;
    t->count = fields;
    char *copy = mem_strdup(client);
    if (!copy)
        return ERR_NOMEM;
    struct field *field = &t->fields[FIELD_CLIENT];
    mem_free(field->text);
    *field = (struct field){.kind = FIELD_STRING, .text = copy, .len = strlen(client)};
    return 0;
}

static int check_place(const struct config *config, enum name_kind kind, const char *folder, const char *declared,
                       struct error *e)
{
    if (folder[0] != '\0' || (config->settings->client_mismatch == MISMATCH_TICKET && kind == NAME_TICKET))
        return 0;
    return error_set(e, ERR_MISMATCH, "lies right in %s, not in a client's folder below it (put it into %s/%s)",
                     config->hot, config->hot, declared ? declared : "CLIENT");
}

int judge(const struct config *config, const struct routes *routes, enum name_kind kind, const char *folder,
          const char *name, struct ticket *ticket, char **declared, struct error *e)
{
    if (kind == NAME_BAD) {
        int rc = name_check(name, strlen(name), e);
        return rc != 0 ? rc : error_set(e, ERR_BAD_NAME, "the file's name cannot be used");
    }
    if (kind == NAME_TICKET) {
        int rc = ticket_check(ticket, routes->pointers, e);
        if (rc != 0)
            return rc;
        *declared = mem_strdup(ticket->fields[FIELD_CLIENT].text);
        if (!*declared)
            return error_set(e, ERR_NOMEM, "out of memory");
    }
    int rc = check_place(config, kind, folder, *declared, e);
    if (rc != 0)
        return rc;
    if (kind == NAME_TICKET) {
        enum client_mismatch policy = config->settings->client_mismatch;
        if (strcmp(*declared, folder) == 0 || policy == MISMATCH_TICKET)
            return 0;
        if (policy == MISMATCH_FAIL)
            return error_set(e, ERR_MISMATCH, "ClientCode \"%s\" does not match folder %s", *declared, folder);
    }
    if (set_client(ticket, folder, pointer_set_count(routes->pointers)) != 0)
        return error_set(e, ERR_NOMEM, "out of memory");
    return 0;
}
