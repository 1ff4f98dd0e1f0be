/* submission_file.c: the file that a job names instead of bringing its ticket along. It is looked for below [http] files
 * and nowhere else: part by part from a folder that is held, without following links, and it must be a regular file.
 * It is read when the request is understood and again when it is written into the spool, so that between the two no
 * ticket waits in memory; what has changed meanwhile is refused. */
#include <string.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/io/source.h"

#include "submission.h"

static int refuse(struct error *e, const char *why)
{
    return error_set(e, ERR_BAD_FIELD, "file: %s", why);
}

/* No word of what lies at the path instead. */
static int why_not(int code, struct error *e)
{
    switch (code) {
    case ERR_NOPLACE:
    case ERR_GONE:
    case ERR_NOT_OURS:
    case ERR_UNREADABLE:
    case ERR_ACCESS:
        return refuse(e, "there is no regular file of this path below [http] files that may be read");
    case ERR_WRITING:
        return error_set(e, ERR_BUSY, "file: somebody still writes it");
    case ERR_TOO_LARGE:
        return error_set(e, code, "file: larger than [intake] max_ticket_size or [http] max_upload allow");
    default:
        return error_set(e, code, "file: it cannot be read right now");
    }
}

/* The folder of the last part, held; *name: that part. path is cut into its parts. */
static int open_folder(const struct config *c, char *path, const char **name, struct error *e)
{
    struct error why = {0};
    if (!c->files)
        return refuse(e, "[http] files names no folder for it; the ticket itself must be sent");
    if (*path == '/')
        return refuse(e, "the path must be relative, to [http] files");
    int folder = files_open_folder(c->files, &why);
    if (folder < 0)
        return error_set(e, why.code, "file: the folder of [http] files cannot be opened");
    char *rest = path;
    for (;;) {
        char *part = strsep(&rest, "/");
        if (!*part || strcmp(part, ".") == 0 || strcmp(part, "..") == 0) {
            close(folder);
            return refuse(e, "the parts of the path must be names, not empty, . or ..");
        }
        *name = part;
        if (!rest)
            return folder;
        int below = files_open_below(folder, part, false, 0, false, &why);
        close(folder);
        if (below < 0)
            return why_not(why.code, e);
        folder = below;
    }
}

static int read_source(int folder, const char *name, uint64_t max, struct source_content *out)
{
    struct source source = {.fd = -1};
    struct error why = {0};
    int rc = source_open(&source, folder, name, &why);
    if (rc != 0)
        return rc;
    source_ask_writer(&source);
    rc = source.writer == WRITER_PRESENT ? ERR_WRITING : source_read(&source, NULL, max, max, out, &why);
    source_close(&source);
    return rc;
}

static int read_file(const struct config *c, const char *path, uint64_t max, struct source_content *out,
                     struct error *e)
{
    const char *name = NULL;
    char *parts = mem_strdup(path);
    if (!parts)
        return error_set(e, ERR_NOMEM, "out of memory");
    int folder = open_folder(c, parts, &name, e), rc = folder;
    if (folder >= 0) {
        rc = read_source(folder, name, max, out);
        close(folder);
        if (rc != 0)
            why_not(rc, e);
    }
    mem_free(parts);
    return rc < 0 ? e->code : 0;
}

static int parse(const struct source_content *content, json_t **document, struct error *e)
{
    json_error_t fault;
    *document = json_loadb(content->bytes, content->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (!*document && json_error_code(&fault) == json_error_out_of_memory)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!*document)
        return error_set(e, ERR_BAD_FIELD, "file: it is no JSON: line %d: %s", fault.line, fault.text);
    return json_is_object(*document) ? 0 : refuse(e, "it is no JSON object");
}

int submission_file_begin(const struct config *c, const char *path, uint64_t max, struct submission *s,
                          uint8_t hash[SHA256_SIZE], json_t **document, struct error *e)
{
    struct source_content content = {0};
    uint64_t largest = (uint64_t)c->settings->max_ticket_bytes;
    int rc = read_file(c, path, max < largest ? max : largest, &content, e);
    if (rc == 0 && !(s->file = mem_strdup(path)))
        rc = error_set(e, ERR_NOMEM, "out of memory");
    rc = rc ? rc : parse(&content, document, e);
    if (rc == 0) {
        s->len = content.size;
        memcpy(hash, content.sha256, SHA256_SIZE);
    }
    source_content_fini(&content);
    return rc;
}

int submission_load(const struct config *c, struct submission *s)
{
    struct source_content content = {0};
    int rc = s->file ? read_file(c, s->file, s->len, &content, &s->error) : 0;
    if (!s->file || rc != 0)
        return rc;
    s->bytes = s->loaded = content.bytes;
    if (content.size == s->len && memcmp(content.sha256, s->record->row.sha256, SHA256_SIZE) == 0)
        return 0;
    return error_set(&s->error, ERR_BUSY, "file: it changed while it was read");
}

void submission_unload(struct submission *s)
{
    mem_free(s->loaded);
    s->loaded = NULL;
}
