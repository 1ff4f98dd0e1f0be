/* ini.c: inih drives, our reader looks at every line first and hands inih only stand-ins: "[s]" for a good header,
 * "k=v" for a key that counts, an empty line for all else. So none of inih's own rules (line length, inline comments,
 * joined lines, ':') ever meets the text; when inih calls back for a stand-in, the real key and value of that line are
 * handed out. */
#include "shunt/core/ini.h"

#include <stdbool.h>
#include <string.h>

#include <ini.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

struct reader {
    const char *file;
    const char *at, *end;
    unsigned line;
    struct faults *faults;
    ini_entry_cb cb;
    void *user;
    bool skipping;      /* behind a broken header */
    struct str section; /* of the lines that follow */
    struct str text;    /* the line in work; key and value point into it */
    char *key, *value;
    bool no_memory;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char *trim(char *text)
{
    while (is_blank(*text)) {
        text++;
    }
    size_t n = strlen(text);
    while (n > 0 && is_blank(text[n - 1])) {
        n--;
    }
    text[n] = '\0';
    return text;
}

static void tell(struct reader *r, const char *key, const char *value)
{
    r->cb(r->user, &(struct ini_entry){
                       .file = r->file, .line = r->line, .section = r->section.bytes, .key = key, .value = value});
}

/* The next line without its end. */
static bool next_line(struct reader *r, const char **out, size_t *n)
{
    if (r->at == r->end) {
        return false;
    }
    const char *start = r->at;
    const char *newline = memchr(start, '\n', (size_t)(r->end - start));
    const char *stop = newline ? newline : r->end;
    r->at = newline ? newline + 1 : r->end;
    r->line++;
    if (stop > start && stop[-1] == '\r') {
        stop--;
    }
    *out = start;
    *n = (size_t)(stop - start);
    return true;
}

/* Control characters but the tab, which trim() deals with. */
static bool has_control(const char *bytes, size_t n)
{
    while (n > 0) {
        const char *tab = memchr(bytes, '\t', n);
        size_t part = tab ? (size_t)(tab - bytes) : n;
        if (text_has_control(bytes, part)) {
            return true;
        }
        part += tab ? 1 : 0;
        bytes += part;
        n -= part;
    }
    return false;
}

/* A header that cannot be read leaves it open which section the next keys belong to. */
static void broken_line(struct reader *r, const char *bytes, size_t n, const char *what)
{
    faults_add(r->faults, r->file, r->line, "%s", what);
    while (n > 0 && is_blank(*bytes)) {
        bytes++;
        n--;
    }
    if (n > 0 && *bytes == '[') {
        r->skipping = true;
    }
}

static bool read_header(struct reader *r, char *text)
{
    char *close = strchr(text, ']');
    r->skipping = true;
    if (!close) {
        faults_add(r->faults, r->file, r->line, "\"%s\" lacks its closing ]; the keys below it are not read", text);
        return false;
    }
    *close = '\0';
    char *name = trim(text + 1);
    if (*trim(close + 1) != '\0') {
        faults_add(r->faults, r->file, r->line, "text after [%s]; comments go on a line of their own", name);
        return false;
    }
    if (*name == '\0' || strchr(name, '[') || strchr(name, '\t')) {
        faults_add(r->faults, r->file, r->line, "[%s] is not a section name", name);
        return false;
    }
    str_clear(&r->section);
    str_puts(&r->section, name);
    if (str_failed(&r->section)) {
        r->no_memory = true;
        return false;
    }
    r->skipping = false;
    tell(r, NULL, NULL);
    return true;
}

static bool read_pair(struct reader *r, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals) {
        faults_add(r->faults, r->file, r->line, "\"%s\" is neither [section], key = value nor a comment", text);
        return false;
    }
    *equals = '\0';
    r->key = trim(text);
    r->value = trim(equals + 1);
    if (*r->key == '\0') {
        faults_add(r->faults, r->file, r->line, "a key is missing before =");
        return false;
    }
    if (strchr(r->key, '\t') || strchr(r->value, '\t')) {
        faults_add(r->faults, r->file, r->line, "a tab inside %s; write spaces",
                   strchr(r->key, '\t') ? "a key" : r->key);
        return false;
    }
    return !r->skipping;
}

static const char *stand_in(struct reader *r, const char *bytes, size_t n)
{
    if (n > INI_LINE_MAX) {
        broken_line(r, bytes, n, "line too long");
        return "\n";
    }
    if (!utf8_valid(bytes, n)) {
        broken_line(r, bytes, n, "not UTF-8");
        return "\n";
    }
    if (has_control(bytes, n)) {
        broken_line(r, bytes, n, "a control character in this line");
        return "\n";
    }
    str_clear(&r->text);
    str_add(&r->text, bytes, n);
    if (str_failed(&r->text)) {
        r->no_memory = true;
        return NULL;
    }
    char *text = n > 0 ? trim(r->text.bytes) : r->text.bytes;
    if (*text == '\0' || *text == ';' || *text == '#') {
        return "\n";
    }
    if (*text == '[') {
        return read_header(r, text) ? "[s]\n" : "\n";
    }
    return read_pair(r, text) ? "k=v\n" : "\n";
}

static char *read_line(char *out, int room, void *stream)
{
    struct reader *r = stream;
    const char *bytes;
    size_t n;
    if (r->no_memory || !next_line(r, &bytes, &n)) {
        return NULL;
    }
    const char *line = stand_in(r, bytes, n);
    if (!line || strlen(line) >= (size_t)room) {
        return NULL;
    }
    return strcpy(out, line);
}

static int on_pair(void *user, const char *section, const char *name, const char *value)
{
    (void)section;
    (void)name;
    (void)value;
    struct reader *r = user;
    tell(r, r->key, r->value);
    return 1;
}

int ini_read(const char *file, const char *text, size_t len, ini_entry_cb cb, void *user, struct faults *faults)
{
    if (len > INI_FILE_MAX) {
        faults_add(faults, file, 0, "larger than %d MiB", INI_FILE_MAX / (1024 * 1024));
        return 0;
    }
    size_t bom = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    struct reader r = {
        .file = file,
        .at = text + bom,
        .end = text + len,
        .faults = faults,
        .cb = cb,
        .user = user,
        .section = STR_INIT,
        .text = STR_INIT,
    };
    (void)ini_parse_stream(read_line, &r, on_pair, &r);
    str_fini(&r.section);
    str_fini(&r.text);
    return r.no_memory ? ERR_NOMEM : 0;
}

bool ini_value_has_comment(const char *value)
{
    return *value == ';' || *value == '#' || strstr(value, " ;") || strstr(value, " #");
}
