#include "shunt/core/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/base/str.h"

#define TEXT_MAX 1024

void faults_init(struct faults *f)
{
    *f = (struct faults){0};
}

void faults_fini(struct faults *f)
{
    for (size_t i = 0; i < f->count; i++) {
        mem_free(f->texts[i]);
    }
    mem_free(f->texts);
    faults_init(f);
}

bool faults_any(const struct faults *f)
{
    return f->count > 0 || f->more > 0;
}

static char *make_text(const char *file, unsigned line, const char *what, size_t n)
{
    struct str s = STR_INIT;
    str_plain(&s, file, strlen(file));
    if (line > 0) {
        str_printf(&s, ":%u", line);
    }
    str_puts(&s, ": ");
    str_plain(&s, what, n);
    return str_take(&s);
}

void faults_add(struct faults *f, const char *file, unsigned line, const char *fmt, ...)
{
    if (!f->texts) {
        f->texts = mem_zalloc(FAULTS_MAX * sizeof *f->texts);
    }
    if (!f->texts || f->count == FAULTS_MAX) {
        f->more++;
        return;
    }
    char what[TEXT_MAX + 4];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof what ? (size_t)n : sizeof what - 1;
    char *text = make_text(file, line, what, utf8_cut(what, len, TEXT_MAX));
    if (text) {
        f->texts[f->count++] = text;
    } else {
        f->more++;
    }
}
