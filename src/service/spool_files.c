/* spool_files.c: see spool_inner.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/core/name.h"
#include "shunt/io/files.h"
#include "shunt/io/place.h"

#include "spool_inner.h"

#define META_MAX_BYTES 65536
#define LEFT_S         3600 /* a ticket without its ID.job was never accepted, or is being written right now */
#define FLUSH_EACH_MAX 4    /* more files are flushed together */

void spool_file_name(const char *id, const char *ending, char out[SPOOL_FILE_SIZE])
{
    snprintf(out, SPOOL_FILE_SIZE, "%.*s.%s", JOB_ID_SIZE - 1, id, ending);
}

/* --- writing --- */

static int write_one(int folder, const char *name, const void *bytes, size_t len, unsigned mode, bool flush,
                     struct error *e)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(e, errno, "cannot write %s", name);
    int rc = files_write_all(fd, bytes, len, e);
    if (rc == 0 && fchmod(fd, (mode_t)mode) != 0)
        rc = error_errno(e, errno, "cannot set the mode of %s", name);
    if (rc == 0 && flush)
        rc = files_sync(fd, name, e);
    if (close(fd) != 0 && errno != EINTR && rc == 0)
        rc = error_errno(e, errno, "cannot close %s", name);
    return rc;
}

static json_t *meta_of(const struct spool_file *file)
{
    char hash[2 * SHA256_SIZE + 1];
    const struct store_job *row = file->row;
    files_hex(row->sha256, SHA256_SIZE, hash);
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I, s:I, s:s, s:I, s:s, s:s}", "id", row->id, "folder", row->folder,
                     "name", row->name, "client", row->client, "batch", row->batch, "created_ms",
                     (json_int_t)row->created_ms, "run_at_ms", (json_int_t)file->run_at_ms, "priority",
                     priority_word(file->priority), "size", (json_int_t)row->size, "sha256", hash, "text",
                     row->n_events > 0 ? row->events[0].text : "");
}

static int write_both(int folder, const struct spool_file *file, unsigned mode, bool flush, struct error *e)
{
    char ticket[SPOOL_FILE_SIZE], meta[SPOOL_FILE_SIZE];
    json_t *json = meta_of(file);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    spool_file_name(file->row->id, "ticket", ticket);
    spool_file_name(file->row->id, "new", meta);
    int rc = text ? 0 : error_set(e, ERR_NOMEM, "out of memory");
    rc = rc ? rc : write_one(folder, ticket, file->bytes, file->len, mode, flush, e);
    rc = rc ? rc : write_one(folder, meta, text, strlen(text), mode, flush, e);
    json_decref(json);
    mem_free(text);
    return rc;
}

static int accept_all(int folder, const struct spool_file *files, size_t count, struct error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char from[SPOOL_FILE_SIZE], to[SPOOL_FILE_SIZE];
        spool_file_name(files[i].row->id, "new", from);
        spool_file_name(files[i].row->id, "job", to);
        if (renameat(folder, from, folder, to) != 0)
            rc = error_errno(e, errno, "cannot write %s", to);
    }
    return rc ? rc : files_sync(folder, "the folder of scheduled jobs", e);
}

/* The last first: while ID.job lies there the job is accepted. */
static void remove_all(int folder, const char *id)
{
    static const char *const endings[] = {"job", "new", "ticket"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char name[SPOOL_FILE_SIZE];
        spool_file_name(id, endings[i], name);
        (void)unlinkat(folder, name, 0);
    }
}

int spool_write(const char *path, const struct spool_file *files, size_t count, unsigned mode, struct error *e)
{
    int folder = files_open_folder(path, e), rc = 0;
    if (folder < 0)
        return folder;
    bool each = count <= FLUSH_EACH_MAX;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = write_both(folder, &files[i], mode, each, e);
    if (rc == 0 && !each && syncfs(folder) != 0)
        rc = error_errno(e, errno, "cannot flush %s", path);
    rc = rc ? rc : accept_all(folder, files, count, e);
    for (size_t i = 0; rc != 0 && i < count; i++)
        remove_all(folder, files[i].row->id);
    close(folder);
    return rc;
}

int spool_drop(const char *path, const char *id, struct error *e)
{
    char ticket[SPOOL_FILE_SIZE];
    int folder = files_open_folder(path, e);
    if (folder < 0)
        return folder;
    spool_file_name(id, "ticket", ticket);
    /* who gets rid of the ticket has it */
    int rc = unlinkat(folder, ticket, 0) == 0 ? 0
             : errno == ENOENT                ? error_set(e, ERR_GONE, "it is being taken up right now")
                                              : error_errno(e, errno, "cannot remove %s", ticket);
    if (rc == 0) {
        remove_all(folder, id);
        rc = files_sync(folder, path, e);
    }
    close(folder);
    return rc;
}

/* --- reading --- */

static bool get_hash(const char *text, uint8_t out[SHA256_SIZE])
{
    if (!text || strlen(text) != 2 * SHA256_SIZE)
        return false;
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'}, *end;
        out[i] = (uint8_t)strtoul(pair, &end, 16);
        if (*end)
            return false;
    }
    return true;
}

static bool is_name(const char *text)
{
    struct error ignored = {0};
    return text && name_check(text, strlen(text), &ignored) == 0;
}

/* NULL: it is none, or there is no memory (*no_memory). */
static struct record *record_from(const json_t *meta, const char *id, const char *path, bool *no_memory)
{
    uint8_t hash[SHA256_SIZE];
    const char *said = json_string_value(json_object_get(meta, "id"));
    struct store_event event = {.at_ms = json_integer_value(json_object_get(meta, "created_ms")),
                                .event = "submitted",
                                .text = json_string_value(json_object_get(meta, "text"))};
    struct store_job row = {.id = id,
                            .source = "ticket",
                            .folder = json_string_value(json_object_get(meta, "folder")),
                            .name = json_string_value(json_object_get(meta, "name")),
                            .client = json_string_value(json_object_get(meta, "client")),
                            .batch = json_string_value(json_object_get(meta, "batch")),
                            .path = path,
                            .size = (uint64_t)json_integer_value(json_object_get(meta, "size")),
                            .sha256 = hash,
                            .status = STATUS_PENDING,
                            .created_ms = event.at_ms,
                            .events = &event,
                            .n_events = 1};
    if (!said || strcmp(said, id) != 0 || !is_name(row.folder) || !is_name(row.name) || !row.client ||
        !get_hash(json_string_value(json_object_get(meta, "sha256")), hash))
        return NULL;
    struct record *record = record_copy(&row);
    *no_memory = !record;
    return record;
}

static int read_one(const char *path, int folder, const char *id, struct spool_found *found, struct error *e)
{
    struct str text = STR_INIT, ticket = STR_INIT;
    struct error why = {0};
    struct stat st;
    char *bytes = NULL, name[SPOOL_FILE_SIZE];
    size_t len = 0;
    bool no_memory = false;
    *found = (struct spool_found){0};
    str_printf(&text, "%s/%s.job", path, id);
    str_printf(&ticket, "%s/%s.ticket", path, id);
    if (str_failed(&text) || str_failed(&ticket) ||
        (files_read(text.bytes, META_MAX_BYTES, &bytes, &len, &why) == ERR_NOMEM))
        no_memory = true;
    json_t *meta = bytes ? json_loadb(bytes, len, 0, NULL) : NULL;
    if (meta)
        found->record = record_from(meta, id, ticket.bytes, &no_memory);
    found->run_at_ms = json_integer_value(json_object_get(meta, "run_at_ms"));
    const char *priority = json_string_value(json_object_get(meta, "priority"));
    if (!priority || !priority_from(priority, &found->priority))
        found->priority = PRIORITY_NORMAL;
    spool_file_name(id, "ticket", name);
    found->ticket = fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    json_decref(meta);
    mem_free(bytes);
    str_fini(&text);
    str_fini(&ticket);
    return no_memory ? error_set(e, ERR_NOMEM, "out of memory") : 0;
}

static void sweep(int folder, const char *ticket, const char *id)
{
    char job[SPOOL_FILE_SIZE];
    struct stat st;
    spool_file_name(id, "job", job);
    if (fstatat(folder, job, &st, AT_SYMLINK_NOFOLLOW) == 0 || fstatat(folder, ticket, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (st.st_ctim.tv_sec + LEFT_S < time(NULL))
        (void)unlinkat(folder, ticket, 0);
}

int spool_read(const char *path, bool (*is_seen)(void *user, const char *id),
               int (*each)(void *user, const struct spool_found *found), void *user, struct error *e)
{
    int fd = files_open_folder(path, e), rc = 0;
    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    for (const struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;) {
        char id[JOB_ID_SIZE];
        struct spool_found found;
        if (strlen(entry->d_name) < JOB_ID_SIZE || entry->d_name[JOB_ID_SIZE - 1] != '.')
            continue;
        memcpy(id, entry->d_name, JOB_ID_SIZE - 1);
        id[JOB_ID_SIZE - 1] = '\0';
        if (is_seen && is_seen(user, id))
            continue;
        if (strcmp(entry->d_name + JOB_ID_SIZE, "job") != 0) {
            sweep(fd, entry->d_name, id);
            continue;
        }
        rc = read_one(path, fd, id, &found, e);
        if (rc == 0 && found.record)
            rc = each(user, &found);
    }
    closedir(dir);
    return rc;
}

/* --- moving --- */

static bool is_gone(int folder, const char *name)
{
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

int spool_move_one(int spool_fd, int to, const struct store_job *row, unsigned folder_mode, bool durable,
                   struct store_claim *claim, struct error *e)
{
    char ticket[SPOOL_FILE_SIZE];
    struct stat st;
    spool_file_name(row->id, "ticket", ticket);
    int folder = files_open_below(to, row->folder, true, folder_mode, durable, e);
    if (folder < 0)
        return folder;
    int errnum = files_rename_new(spool_fd, ticket, folder, row->name);
    int rc = errnum == 0                                     ? 0
             : errnum == EEXIST                              ? error_set(e, ERR_BUSY, "%s is taken", row->name)
             : errnum == ENOENT && is_gone(spool_fd, ticket) ? error_set(e, ERR_GONE, "another instance was first")
             : errnum == EXDEV ? place_move(spool_fd, ticket, folder, row->name, durable, e)
                               : error_errno(e, errnum, "cannot move %s", ticket);
    if (rc == 0 && durable) {
        struct error told_by_the_next = {0}; /* it lies there: whoever reads it sees what is wrong with the disk */
        (void)files_sync(folder, row->folder, &told_by_the_next);
    }
    if (rc == 0 && fstatat(folder, row->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *claim = record_claim(&st);
    close(folder);
    return rc;
}
