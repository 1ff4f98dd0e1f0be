/* access.c: see access.h. */
#include "shunt/service/access.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shunt/base/mem.h"
#include "shunt/core/listen.h"
#include "shunt/io/secret.h"

#define TOKEN_PREFIX "sha256:"
#define TOKEN_NAME   "token" /* who comes by [http] token */
#define BLANKS       " \t\r"

static const struct {
    const char *word;
    unsigned rights;
} roles[] = {{"read", ROLE_READ}, {"submit", ROLE_SUBMIT}, {"operate", ROLE_OPERATE}};

unsigned access_role(const char *word)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(word, roles[i].word) == 0)
            return roles[i].rights;
    return 0;
}

const char *access_role_word(unsigned rights)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (rights == roles[i].rights)
            return roles[i].word;
    return "";
}

bool access_allows(unsigned rights, const char *wanted)
{
    for (const char *at = wanted; *at;) {
        char word[16];
        size_t len = strcspn(at, " ");
        snprintf(word, sizeof word, "%.*s", (int)len, at);
        unsigned role = access_role(word);
        if (strcmp(word, "public") == 0 || (role != 0 && (rights & role) == role))
            return true;
        at += len + strspn(at + len, " ");
    }
    return false;
}

bool access_name_valid(const char *name, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
    return len > 0 && len <= ACCESS_NAME_MAX && strspn(name, allowed) >= len;
}

/* --- entries --- */

/* Its fields are the caller's to fill. NULL: no memory. */
static struct access_entry *add_entry(struct access *a)
{
    struct access_entry *entries = mem_resize(a->entries, (a->count + 1) * sizeof *entries);
    if (!entries)
        return NULL;
    a->entries = entries;
    memset(&entries[a->count], 0, sizeof *entries);
    return &entries[a->count++];
}

static bool set_line_id(struct access_entry *entry, const char *hash)
{
    struct str line = STR_INIT;
    str_printf(&line, "%s %u %s", entry->name, entry->rights, hash);
    bool fine = !str_failed(&line);
    if (fine)
        files_sha256(line.bytes, line.len, entry->line_id);
    str_fini(&line);
    return fine;
}

bool access_add_token(struct access *a, const char *name, unsigned rights, const char *token)
{
    struct access_entry *entry = add_entry(a);
    char hex[2 * SHA256_SIZE + 1];
    if (!entry)
        return false;
    files_sha256(token, strlen(token), entry->token);
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->rights = rights;
    files_hex(entry->token, SHA256_SIZE, hex);
    return set_line_id(entry, hex);
}

const struct access_entry *access_by_token(const struct access *a, const char *token)
{
    uint8_t hash[SHA256_SIZE];
    const struct access_entry *found = NULL;
    files_sha256(token, strlen(token), hash);
    for (size_t i = 0; i < a->count; i++) /* all, also behind the right one */
        if (!a->entries[i].password && secret_same(hash, a->entries[i].token, sizeof hash))
            found = &a->entries[i];
    return found;
}

const struct access_entry *access_by_name(const struct access *a, const char *name)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->entries[i].password && strcmp(a->entries[i].name, name) == 0)
            return &a->entries[i];
    return NULL;
}

const struct access_entry *access_by_line(const struct access *a, const uint8_t line_id[SHA256_SIZE])
{
    for (size_t i = 0; i < a->count; i++)
        if (memcmp(a->entries[i].line_id, line_id, SHA256_SIZE) == 0)
            return &a->entries[i];
    return NULL;
}

/* --- the file --- */

struct reading {
    struct access *access;
    const char *file;
    unsigned line;
    struct faults *faults;
};

static bool read_hex(const char *text, uint8_t out[SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 2 * SHA256_SIZE || strspn(text, digits) != 2 * SHA256_SIZE)
        return false;
    for (size_t i = 0; i < SHA256_SIZE; i++)
        out[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 | (strchr(digits, text[2 * i + 1]) - digits));
    return true;
}

/* What is wrong with the hash is told without a word of it: it may be a password that somebody wrote down here. */
static bool take_hash(const struct reading *r, struct access_entry *entry, const char *hash)
{
    size_t prefix = strlen(TOKEN_PREFIX);
    if (strncmp(hash, TOKEN_PREFIX, prefix) == 0) {
        if (!read_hex(hash + prefix, entry->token))
            faults_add(r->faults, r->file, r->line, "behind sha256: there must be 64 digits of 0-9 and a-f");
        return true;
    }
    if (!secret_is_hash(hash)) {
        faults_add(r->faults, r->file, r->line,
                   "the third word is neither sha256:HEX nor a strong hash of crypt(3); `shunt token` makes both");
        return true;
    }
    const struct access_entry *other = access_by_name(r->access, entry->name);
    if (other)
        faults_add(r->faults, r->file, r->line, "%s has a password already", entry->name);
    entry->password = mem_strdup(hash);
    return entry->password != NULL;
}

static bool take_line(const struct reading *r, char *line)
{
    char *words[3] = {NULL}, *rest = line;
    size_t n = 0;
    for (char *word; n < 4 && (word = strsep(&rest, BLANKS));) {
        if (*word && n < 3)
            words[n] = word;
        n += *word != '\0';
    }
    if (n == 0 || words[0][0] == '#')
        return true;
    if (n != 3) {
        faults_add(r->faults, r->file, r->line, "not NAME ROLE HASH");
        return true;
    }
    unsigned rights = access_role(words[1]);
    bool named = access_name_valid(words[0], strlen(words[0]));
    if (!named)
        faults_add(r->faults, r->file, r->line, "a name has at most %d letters, digits and . _ @ -", ACCESS_NAME_MAX);
    else if (rights == 0)
        faults_add(r->faults, r->file, r->line, "the role of %s is none of read, submit, operate", words[0]);
    if (!named || rights == 0)
        return true;
    struct access_entry made = {.rights = rights};
    snprintf(made.name, sizeof made.name, "%s", words[0]);
    bool fine = take_hash(r, &made, words[2]) && set_line_id(&made, words[2]);
    struct access_entry *entry = fine ? add_entry(r->access) : NULL;
    if (entry)
        *entry = made;
    else
        mem_free(made.password);
    return entry != NULL;
}

bool access_read(struct access *a, const char *file, const char *text, size_t len, struct faults *faults)
{
    struct reading r = {.access = a, .file = file, .faults = faults};
    char *copy = mem_strndup(text, len), *rest = copy;
    bool fine = copy != NULL;
    if (fine && strlen(copy) < len)
        faults_add(faults, file, 0, "holds a NUL byte");
    for (char *line; fine && r.line < ACCESS_LINES_MAX && (line = strsep(&rest, "\n"));) {
        r.line++;
        fine = take_line(&r, line);
    }
    if (rest)
        faults_add(faults, file, 0, "has more than %d lines", ACCESS_LINES_MAX);
    mem_free(copy);
    return fine;
}

/* False: out of memory. */
static bool read_file(struct access *a, const struct config *c, const char *file, struct faults *faults)
{
    char *text;
    size_t len, before = faults->count + faults->more;
    struct error e = {0};
    struct stat st;
    if (stat(file, &st) == 0 && (st.st_mode & (S_IRWXO | S_IWGRP)) != 0)
        faults_add(faults, file, 0, "others may get at it (mode %04o): chmod 0640, or 0600", st.st_mode & 07777);
    if (files_read(file, ACCESS_FILE_MAX, &text, &len, &e) != 0) {
        faults_add(faults, c->file, 0, "[http] access: %s", e.text);
        return e.code != ERR_NOMEM;
    }
    bool fine = access_read(a, file, text, len, faults);
    mem_free(text);
    if (a->count == 0 && faults->count + faults->more == before)
        faults_add(faults, file, 0, "nobody may come in: there is no line NAME ROLE HASH");
    return fine;
}

static bool load(struct access *a, const struct config *c, struct faults *faults)
{
    const struct settings *s = c->settings;
    struct listen_address address = {.none = true};
    bool fine = true;
    listen_parse(s->http_listen, &address, NULL);
    if (s->http_access[0] != '\0') {
        char *file = files_join(c->data, s->http_access);
        fine = file && read_file(a, c, file, faults);
        mem_free(file);
    }
    if (s->http_token[0] != '\0')
        fine = access_add_token(a, TOKEN_NAME, ROLE_OPERATE, s->http_token) && fine;
    a->open = s->http_access[0] == '\0' && s->http_token[0] == '\0';
    if (a->open && !address.none && !address.loopback)
        faults_add(faults, c->file, 0,
                   "[http] listen: other machines can reach %s, so [http] access must name who may come in, or [http] "
                   "token (SHUNT_HTTP_TOKEN) be set",
                   s->http_listen);
    return fine;
}

int access_load(const struct config *c, struct access **out, struct faults *faults)
{
    size_t before = faults->count + faults->more;
    struct access *a = mem_zalloc(sizeof *a);
    bool fine = a && load(a, c, faults);
    if (fine && faults->count + faults->more == before) {
        *out = a;
        return 0;
    }
    if (!fine)
        faults_add(faults, c->file, 0, "out of memory");
    access_free(a);
    *out = NULL;
    return fine ? ERR_CONFIG : ERR_NOMEM;
}

void access_free(struct access *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->count; i++)
        mem_free(a->entries[i].password);
    mem_free(a->entries);
    mem_free(a);
}
