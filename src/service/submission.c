/* submission.c: see submission.h. The ticket itself is not parsed into anything and written again: it is cut out of the body
 * as it was sent, since numbers would not come out as they went in. */
#include "submission.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/core/json_cut.h"
#include "shunt/core/name.h"
#include "shunt/core/when.h"
#include "shunt/io/files.h"

#include "acceptance.h"

#define TEXT_MAX 255
#define MARK     "request "

/* --- ids --- */

void submission_id(const char *key, const char *part, long index, char out[JOB_ID_SIZE])
{
    char text[KEY_MAX + 64];
    uint8_t hash[SHA256_SIZE];
    int len = snprintf(text, sizeof text, "shunt:%s:%ld:%s", part, index, key);
    files_sha256(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1, hash);
    job_id_named(hash, out);
}

int submission_new_id(const struct clock *clock, char out[JOB_ID_SIZE], struct error *e)
{
    uint8_t random[10];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return error_set(e, ERR_IO, "there are no random numbers");
    job_id_make(clock->wall_ms(clock), random, out);
    return 0;
}

const char *submission_mark(const char *text)
{
    const char *mark = text ? strstr(text, MARK) : NULL;
    for (const char *next = mark; next;
         next = strstr(next + 1, MARK)) /* the last: before it stands what others wrote */
        mark = next;
    return mark;
}

/* --- one job --- */

struct said {
    const char *job_id, *username, *campaign, *client, *name, *run_at, *priority, *file;
    char row_id[TEXT_MAX + 1];
    enum priority order;
};

static int get_text(const json_t *item, const char *key, bool needed, const char **out, struct error *e)
{
    const json_t *value = json_object_get(item, key);
    *out = json_string_value(value);
    if (!value || json_is_null(value))
        return needed ? error_set(e, ERR_MISSING_FIELD, "%s is missing", key) : 0;
    size_t len = json_string_length(value);
    if (!*out)
        return error_set(e, ERR_BAD_FIELD, "%s is no text", key);
    if (len == 0 || len > TEXT_MAX || strlen(*out) != len || text_has_control(*out, len))
        return error_set(e, ERR_BAD_FIELD, "%s: from 1 to %d bytes, without control characters", key, TEXT_MAX);
    return 0;
}

static int get_row_id(const json_t *item, char out[TEXT_MAX + 1], struct error *e)
{
    const json_t *value = json_object_get(item, "row_id");
    const char *text = NULL;
    if (json_is_integer(value)) {
        snprintf(out, TEXT_MAX + 1, "%lld", (long long)json_integer_value(value));
        return 0;
    }
    int rc = get_text(item, "row_id", false, &text, e);
    if (text)
        stpcpy(out, text);
    return rc;
}

static int get_all(const json_t *item, struct said *said, struct error *e)
{
    static const char *const known[] = {"job_id", "username", "campaign", "row_id",   "ticket", "file",
                                        "client", "name",     "run_at",   "priority", NULL};
    const char *key;
    json_t *value;
    if (!json_is_object(item))
        return error_set(e, ERR_USAGE, "a job is a JSON object");
    json_object_foreach ((json_t *)(uintptr_t)item, key, value) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return error_set(e, ERR_BAD_FIELD, "%.64s: no such field", key);
    }
    int rc = get_text(item, "job_id", true, &said->job_id, e);
    rc = rc ? rc : get_text(item, "username", true, &said->username, e);
    rc = rc ? rc : get_text(item, "campaign", true, &said->campaign, e);
    rc = rc ? rc : get_row_id(item, said->row_id, e);
    rc = rc ? rc : get_text(item, "client", false, &said->client, e);
    rc = rc ? rc : get_text(item, "name", false, &said->name, e);
    rc = rc ? rc : get_text(item, "run_at", false, &said->run_at, e);
    rc = rc ? rc : get_text(item, "priority", false, &said->priority, e);
    if (rc == 0 && said->priority && !priority_from(said->priority, &said->order))
        rc = error_set(e, ERR_BAD_FIELD, "priority: low, normal or high");
    rc = rc ? rc : get_text(item, "file", false, &said->file, e);
    const json_t *ticket = json_object_get(item, "ticket");
    if (rc == 0 && said->file && ticket && !json_is_null(ticket))
        rc = error_set(e, ERR_BAD_FIELD, "file: the ticket is sent along, so there can be no file");
    if (rc == 0 && !said->file && !json_is_object(ticket))
        rc = error_set(e, ERR_MISSING_FIELD, "ticket: the ticket's document is needed, or `file`, its path");
    return rc;
}

static int get_run_at(const char *text, const struct clock *clock, int64_t *out, struct error *e)
{
    if (!text)
        return 0;
    int64_t now = clock->wall_ms(clock);
    if (!strchr(text, 'T') || when_parse(text, now, false, out, e) != 0) {
        error_clear(e);
        return error_set(e, ERR_BAD_FIELD, "run_at: no time as 2026-02-06T15:30:46Z");
    }
    if (*out <= now)
        *out = 0;
    return 0;
}

/* The folder and the name that it gets. */
static int find_place(const struct submission_context *c, const json_t *ticket, const struct said *said,
                      const char **folder, char name[NAME_SIZE], struct error *e)
{
    const json_t *details = json_object_get(json_object_get(ticket, "JobSpecification"), "JobDetails");
    *folder = said->client ? said->client : json_string_value(json_object_get(details, "ClientCode"));
    if (!*folder)
        return error_set(e, ERR_MISSING_FIELD, "client: neither it nor the ticket's ClientCode says whose job it is");
    int len = snprintf(name, NAME_SIZE, "%s%s", said->name ? said->name : said->job_id, said->name ? "" : ".json");
    if (len >= NAME_SIZE)
        return error_set(e, ERR_BAD_NAME, "name: too long");
    int rc = acceptance_names(c->config->settings, *folder, name, e);
    int fd = rc ? rc : acceptance_client(c->config, *folder, e);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

static int make_record(const struct submission_context *c, struct submission *s, const struct said *said,
                       const uint8_t hash[SHA256_SIZE], const char *folder, const char *name, const char *id,
                       const char *mark, struct error *e)
{
    struct str text = STR_INIT, path = STR_INIT;
    str_printf(&text, "by %s: job %s of %s, campaign %s%s%s%s%s; " MARK "%s", c->who, said->job_id, said->username,
               said->campaign, said->row_id[0] ? ", row " : "", said->row_id, said->file ? ", file " : "",
               said->file ? said->file : "", mark);
    str_printf(&path, "%s/%s.ticket", c->spool, id);
    struct store_event event = {.at_ms = c->clock->wall_ms(c->clock), .event = "submitted", .text = text.bytes};
    struct store_job row = {.id = id,
                            .source = "ticket",
                            .folder = folder,
                            .name = name,
                            .client = folder,
                            .batch = c->batch,
                            .path = path.bytes,
                            .size = s->len,
                            .sha256 = hash,
                            .status = STATUS_PENDING,
                            .created_ms = event.at_ms,
                            .events = &event,
                            .n_events = 1};
    s->record = str_failed(&text) || str_failed(&path) ? NULL : record_copy(&row);
    str_fini(&text);
    str_fini(&path);
    return s->record ? 0 : error_set(e, ERR_NOMEM, "out of memory");
}

/* Of the item as it was written, and of the file that it names. */
static void make_mark(const char *text, size_t len, const uint8_t *file, char out[2 * SHA256_SIZE + 1])
{
    uint8_t both[2 * SHA256_SIZE], hash[SHA256_SIZE];
    files_sha256(text, len, both);
    if (file)
        memcpy(both + SHA256_SIZE, file, SHA256_SIZE);
    files_sha256(both, sizeof both, hash);
    files_hex(file ? hash : both, SHA256_SIZE, out);
}

/* What its ticket is. *document: of a file, json_decref. */
static int read_ticket(const struct submission_context *c, const struct said *said, const char *text, size_t len,
                       struct submission *s, uint8_t hash[SHA256_SIZE], json_t **document, struct error *e)
{
    if (said->file)
        return submission_file_begin(c->config, said->file, c->files_left, s, hash, document, e);
    if (!json_member(text, len, "ticket", &s->bytes, &s->len))
        return error_set(e, ERR_BAD_FIELD, "ticket: its name must be written without escapes");
    files_sha256(s->bytes, s->len, hash);
    return 0;
}

static int read_one(const struct submission_context *c, const json_t *item, const char *text, size_t len, long index,
                    struct submission *s, struct error *e)
{
    struct said said = {.order = PRIORITY_NORMAL};
    char name[NAME_SIZE], id[JOB_ID_SIZE], mark[2 * SHA256_SIZE + 1];
    const char *folder = NULL;
    uint8_t hash[SHA256_SIZE];
    json_t *document = NULL;
    int rc = get_all(item, &said, e);
    rc = rc ? rc : get_run_at(said.run_at, c->clock, &s->run_at_ms, e);
    rc = rc ? rc : read_ticket(c, &said, text, len, s, hash, &document, e);
    rc = rc ? rc : find_place(c, said.file ? document : json_object_get(item, "ticket"), &said, &folder, name, e);
    if (rc == 0 && c->key)
        submission_id(c->key, "job", index, id);
    else if (rc == 0)
        rc = submission_new_id(c->clock, id, e);
    if (rc == 0) {
        make_mark(text, len, said.file ? hash : NULL, mark);
        s->priority = said.order;
        rc = make_record(c, s, &said, hash, folder, name, id, mark, e);
    }
    json_decref(document);
    return rc;
}

static int read_all(const struct submission_context *c, const json_t *root, bool many, const char *body, size_t len,
                    struct submission **items, size_t *count, struct error *e)
{
    const char *end = body + len, *at = body, *text;
    size_t n = many ? json_array_size(root) : 1, text_len;
    if (many != json_is_array(root))
        return error_set(e, ERR_USAGE, many ? "the body is no JSON array of jobs" : "the body is no JSON object");
    if (n == 0 || n > SUBMISSIONS_MAX)
        return error_set(e, ERR_USAGE, "a batch has from 1 to %d jobs", SUBMISSIONS_MAX);
    if (!(*items = mem_zalloc(n * sizeof **items)))
        return error_set(e, ERR_NOMEM, "out of memory");
    *count = n;
    json_whole(&at, end, &text, &text_len);
    struct submission_context own = *c;
    own.files_left = (uint64_t)c->config->settings->max_upload_bytes;
    for (size_t i = 0; i < n; i++) {
        struct submission *s = &(*items)[i];
        const json_t *item = many ? json_array_get(root, i) : root;
        if (many && !json_item(&at, end, &text, &text_len))
            return error_set(e, ERR_INTERNAL, "the body is not as it was read");
        if (read_one(&own, item, text, text_len, many ? (long)i : -1, s, &s->error) == ERR_NOMEM)
            return error_set(e, ERR_NOMEM, "out of memory");
        own.files_left -= s->file ? s->len : 0;
    }
    return 0;
}

int submissions_read(const struct submission_context *c, bool many, const char *body, size_t len,
                     struct submission **items, size_t *count, struct error *e)
{
    json_error_t fault;
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (!root)
        return json_error_code(&fault) == json_error_out_of_memory
                   ? error_set(e, ERR_NOMEM, "out of memory")
                   : error_set(e, ERR_USAGE, "the body is no JSON: line %d: %s", fault.line, fault.text);
    int rc = read_all(c, root, many, body, len, items, count, e);
    json_decref(root);
    return rc;
}

void submission_fini(struct submission *s)
{
    record_free(s->record);
    s->record = NULL;
    mem_free(s->file);
    s->file = NULL;
    submission_unload(s);
}
