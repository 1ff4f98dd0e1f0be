/* roff.c: see roff.h. Source lines are short and no text can begin with a control character, so that what we say is
 * never taken for a request. */
#include "roff.h"

#include <ctype.h>
#include <string.h>

#define SOURCE_COLUMNS 60 /* a line ends at the first word beyond */

void roff_escaped(struct str *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '\\':
            str_puts(out, "\\e");
            break;
        case '-':
            str_puts(out, "\\-");
            break;
        case '\'':
            str_puts(out, "\\(aq");
            break;
        case '~':
            str_puts(out, "\\(ti");
            break;
        case '^':
            str_puts(out, "\\(ha");
            break;
        case '"':
            str_puts(out, "\\(dq");
            break;
        default:
            str_putc(out, text[i]);
        }
    }
}

/* A word as it stands between spaces; a backquote turns bold on or off. */
static void put_word(struct str *out, const char *word, size_t len, bool *bold)
{
    if (len > 0 && word[0] == '.')
        str_puts(out, "\\&");
    for (size_t i = 0; i < len; i++) {
        if (word[i] != '`') {
            roff_escaped(out, word + i, 1);
            continue;
        }
        *bold = !*bold;
        str_puts(out, *bold ? "\\fB" : "\\fR");
    }
}

void roff_text(struct str *out, const char *text)
{
    size_t begin = out->len;
    bool bold = false;
    while (*text) {
        size_t len = strcspn(text, " ");
        bool sentence = len > 0 && text[len - 1] == '.';
        put_word(out, text, len, &bold);
        text += len + strspn(text + len, " ");
        if (*text && !sentence && out->len - begin < SOURCE_COLUMNS) {
            str_putc(out, ' ');
        } else {
            str_putc(out, '\n');
            begin = out->len;
        }
    }
}

void roff_title(struct str *out, const char *page, int section, const char *summary)
{
    str_puts(out, ".TH ");
    for (const char *c = page; *c; c++)
        str_putc(out, (char)toupper((unsigned char)*c));
    str_printf(out, " %d %s \"shunt %s\"\n", section, SHUNT_DATE, SHUNT_VERSION);
    roff_section(out, "NAME");
    str_printf(out, "%s \\- %s\n", page, summary);
}

void roff_section(struct str *out, const char *heading)
{
    str_printf(out, ".SH %s\n", heading);
}

void roff_subsection(struct str *out, const char *heading)
{
    str_printf(out, ".SS %s\n", heading);
}

void roff_paragraph(struct str *out, const char *text)
{
    str_puts(out, ".PP\n");
    roff_text(out, text);
}

void roff_item(struct str *out, const char *label, const char *placeholder, const char *text)
{
    str_puts(out, ".TP\n\\fB");
    roff_escaped(out, label, strlen(label));
    str_puts(out, "\\fR");
    if (placeholder) {
        str_puts(out, "\\fI");
        roff_escaped(out, placeholder, strlen(placeholder));
        str_puts(out, "\\fR");
    }
    str_putc(out, '\n');
    roff_text(out, text);
}

void roff_key(struct str *out, const char *name, const char *help, const char *takes)
{
    struct str line = STR_INIT;
    str_puts(&line, "Takes: ");
    str_puts(&line, takes);
    roff_item(out, name, NULL, help);
    str_puts(out, ".br\n");
    roff_text(out, line.bytes);
    str_part_fini(&line, out);
}

void roff_example(struct str *out, const char *lines)
{
    str_puts(out, ".PP\n.EX\n");
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        if (lines[0] == '.')
            str_puts(out, "\\&");
        roff_escaped(out, lines, len);
        str_putc(out, '\n');
        lines += len + (lines[len] == '\n');
    }
    str_puts(out, ".EE\n");
}
