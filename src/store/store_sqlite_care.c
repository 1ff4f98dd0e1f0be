/* store_sqlite_care.c: what an operator asks for: is it sound, a copy, room given back. They take their time, and other
 * processes go on meanwhile; but for vacuum, which needs the database for itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#include "store_json.h"
#include "store_sqlite.h"

static int add_finding(json_t *findings, const char *text, struct error *e)
{
    return json_array_append_new(findings, json_text(text)) == 0 ? 0 : store_no_memory(e);
}

static int check_pages(struct sqlite_store *s, json_t *findings, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_CHECK, &statement, e);
    while (rc == 0 && (rc = sql_step(s, statement, e)) == 1) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        rc = !text ? store_no_memory(e) : strcmp(text, "ok") == 0 ? 0 : add_finding(findings, text, e);
    }
    return rc;
}

static int check_counts(struct sqlite_store *s, json_t *findings, struct error *e)
{
    sqlite3_stmt *keys, *totals;
    int rc = sql_get(s, SQL_CHECK_KEYS, &keys, e);
    rc = rc ? rc : sql_get(s, SQL_CHECK_TOTALS, &totals, e);
    if (rc || (rc = sql_step(s, keys, e)) != 1) {
        return rc;
    }
    char text[80];
    long long orphans = sqlite3_column_int64(keys, 0);
    (void)sqlite3_reset(keys);
    (void)snprintf(text, sizeof text, "%lld deliveries belong to no job", orphans);
    rc = orphans > 0 ? add_finding(findings, text, e) : 0;
    while (rc == 0 && (rc = sql_step(s, totals, e)) == 1) {
        rc = add_finding(findings, (const char *)sqlite3_column_text(totals, 0), e);
    }
    return rc;
}

int sqlite_check(struct store *store, json_t **findings, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct error why = {0};
    json_t *all = json_array();
    int rc = all ? sql_begin(s, false, &why) : store_no_memory(&why);
    if (rc == 0) {
        rc = check_pages(s, all, &why);
        rc = rc ? rc : check_counts(s, all, &why);
        rc = sql_end(s, rc, &why);
    }
    if (rc == ERR_SYNTAX) { /* what is damaged is what was asked for */
        struct error none = {0};
        rc = add_finding(all, why.text, &none);
    }
    if (rc) {
        json_decref(all);
        return error_set(e, rc, "%s", why.text);
    }
    *findings = all;
    return 0;
}

/* ---- backup ---- */

static int flushed(const char *path, int flags, struct error *e)
{
    int fd = open(path, flags | O_CLOEXEC);
    int errnum = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return errnum ? error_errno(e, errnum, "flush %s", path) : 0;
}

static int flushed_folder_of(const char *path, struct error *e)
{
    const char *slash = strrchr(path, '/');
    char *folder = !slash          ? mem_strdup(".")
                   : slash == path ? mem_strdup("/")
                                   : mem_strndup(path, (size_t)(slash - path));
    int rc = folder ? flushed(folder, O_RDONLY | O_DIRECTORY, e) : store_no_memory(e);
    mem_free(folder);
    return rc;
}

static int copy_to(struct sqlite_store *s, const char *path, struct error *e)
{
    sqlite3_stmt *statement;
    int rc = sql_get(s, SQL_BACKUP, &statement, e);
    if (rc) {
        return rc;
    }
    bind_text(statement, 1, path);
    rc = sql_run(s, statement, e);
    return rc ? rc : flushed(path, O_RDONLY, e);
}

/* Made beside it under another name: what has the name that was asked for is whole. */
int sqlite_backup(struct store *store, const char *path, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    struct stat st;
    struct str part = STR_INIT;
    str_printf(&part, "%s.part", path);
    int rc = str_failed(&part) ? store_no_memory(e)
             : lstat(path, &st) == 0 || lstat(part.bytes, &st) == 0
                 ? error_set(e, ERR_BUSY, "%s is there already", path)
                 : 0;
    if (rc) {
        str_fini(&part);
        return rc;
    }
    rc = copy_to(s, part.bytes, e);
    if (rc == 0 && rename(part.bytes, path) != 0) {
        int errnum = errno;
        rc = error_errno(e, errnum, "rename %s", part.bytes);
    }
    if (rc) {
        (void)unlink(part.bytes);
    }
    str_fini(&part);
    return rc ? rc : flushed_folder_of(path, e);
}

int sqlite_vacuum(struct store *store, struct error *e)
{
    struct sqlite_store *s = (struct sqlite_store *)store;
    int rc = sql_exec(s, "VACUUM", e);
    return rc ? rc : sql_exec(s, "PRAGMA wal_checkpoint(TRUNCATE)", e);
}
