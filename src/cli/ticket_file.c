/* ticket_file.c: see ticket_file.h. */
#include "shunt/cli/ticket_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shunt/base/mem.h"

static void copy_name(char out[NAME_SIZE], const char *text, size_t len)
{
    if (len >= NAME_SIZE)
        len = NAME_SIZE - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

/* hot/CLIENT/name or hot/name? */
static void locate(struct ticket_file *file, const char *hot)
{
    char *root = realpath(hot, NULL);
    size_t len = root ? strlen(root) : 0;
    if (root && strncmp(file->path, root, len) == 0 && file->path[len] == '/') {
        const char *below = file->path + len + 1, *slash = strchr(below, '/');
        if (!slash || !strchr(slash + 1, '/')) {
            file->in_hot = true;
            copy_name(file->folder, below, slash ? (size_t)(slash - below) : 0);
        }
    }
    free(root);
}

static int parse(struct ticket_file *file, struct source *source, const struct config *config)
{
    const struct settings *s = config->settings;
    struct ticket_limits limits = {.max_bytes = s->max_ticket_bytes, .max_depth = s->max_depth};
    struct ticket_parser *parser =
        file->kind == NAME_TICKET ? ticket_parser_new(config->routes->pointers, limits) : NULL;
    if (file->kind == NAME_TICKET && !parser)
        return error_set(&file->invalid, ERR_NOMEM, "out of memory");
    int rc = source_read(source, parser, (uint64_t)s->max_ticket_bytes, 0, &file->content, &file->invalid);
    if (rc == 0 && parser)
        rc = ticket_parser_finish(parser, &file->ticket, &file->invalid);
    ticket_parser_free(parser);
    if (rc == 0 && file->kind == NAME_TICKET)
        rc = ticket_check(&file->ticket, config->routes->pointers, &file->invalid);
    return rc;
}

static int open_source(struct source *source, const struct ticket_file *file, struct error *e)
{
    char *parent = mem_strndup(file->path, (size_t)(strrchr(file->path, '/') - file->path) + 1);
    if (!parent)
        return error_set(e, ERR_NOMEM, "out of memory");
    int folder = files_open_folder(parent, e);
    mem_free(parent);
    if (folder < 0)
        return folder;
    int rc = source_open(source, folder, file->name, e);
    close(folder);
    return rc;
}

int ticket_file_read(struct ticket_file *file, const struct config *config, const char *path, const char *client,
                     struct error *e)
{
    *file = (struct ticket_file){0};
    char *real = realpath(path, NULL);
    if (!real)
        return error_errno(e, errno, "it cannot be found");
    file->path = mem_strdup(real);
    free(real);
    if (!file->path)
        return error_set(e, ERR_NOMEM, "out of memory");
    const char *name = strrchr(file->path, '/') + 1;
    copy_name(file->name, name, strlen(name));
    file->kind = name_kind_of(file->name, &config->settings->tickets, &config->settings->files);
    locate(file, config->hot);
    if (file->in_hot && file->kind == NAME_IGNORED)
        return error_set(e, ERR_BAD_NAME, "[intake] tickets and files say that this name is not taken up");
    if (file->kind == NAME_IGNORED)
        file->kind = NAME_FILE;
    struct source source = {.fd = -1};
    int rc = open_source(&source, file, e);
    if (rc != 0)
        return rc;
    rc = parse(file, &source, config);
    source_close(&source);
    if (rc != 0 && error_class_of(rc) != CLASS_INVALID && rc != ERR_INCOMPLETE)
        return error_set(e, rc, "%s", file->invalid.text);
    if (file->in_hot)
        return 0;
    if (client)
        copy_name(file->folder, client, strlen(client));
    else if (rc == 0 && file->ticket.count > FIELD_CLIENT)
        copy_name(file->folder, file->ticket.fields[FIELD_CLIENT].text, file->ticket.fields[FIELD_CLIENT].len);
    struct error bad = {0};
    if (file->folder[0] && name_check(file->folder, strlen(file->folder), &bad) != 0)
        return error_set(e, bad.code, "client: %s", bad.text);
    return 0;
}

void ticket_file_fini(struct ticket_file *file)
{
    source_content_fini(&file->content);
    ticket_fini(&file->ticket);
    mem_free(file->path);
}
