/* exposition.c: see exposition.h. A histogram's labels are written once and copied before each of its buckets. */
#include "shunt/core/exposition.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define REPLACEMENT   "\xef\xbf\xbd"
#define CHARACTER_MAX 4 /* bytes of UTF-8 */
#define NS            1000000000

static const struct bound {
    uint64_t ns;
    const char *seconds;
} bounds[HISTOGRAM_BOUNDS] = {
    {1000000, "0.001"},  {2500000, "0.0025"}, {5000000, "0.005"},  {10000000, "0.01"},
    {25000000, "0.025"}, {50000000, "0.05"},  {100000000, "0.1"},  {250000000, "0.25"},
    {500000000, "0.5"},  {1000000000, "1"},   {2500000000, "2.5"}, {5000000000, "5"},
    {10000000000, "10"}, {30000000000, "30"}, {60000000000, "60"}, {300000000000, "300"},
};

void histogram_add(struct histogram *h, uint64_t ns)
{
    size_t i = 0;
    while (i < HISTOGRAM_BOUNDS && ns > bounds[i].ns)
        i++;
    h->of[i]++;
    h->sum_ns += ns;
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
        n += h->of[i];
    return n;
}

/* Bytes of the character at `text`; 0: it is none. */
static size_t character(const char *text, size_t len)
{
    for (size_t n = 1; n <= CHARACTER_MAX && n <= len; n++)
        if (utf8_valid(text, n))
            return n;
    return 0;
}

void label_clean(const char *text, char out[LABEL_VALUE_MAX + 1])
{
    size_t len = strlen(text), used = 0;
    if (len <= LABEL_VALUE_MAX && utf8_valid(text, len)) {
        memcpy(out, text, len + 1);
        return;
    }
    while (len > 0) {
        size_t n = character(text, len), taken = n > 0 ? n : 1;
        const char *from = n > 0 ? text : REPLACEMENT;
        n = n > 0 ? n : strlen(REPLACEMENT);
        if (used + n > LABEL_VALUE_MAX)
            break;
        memcpy(out + used, from, n);
        used += n;
        text += taken;
        len -= taken;
    }
    out[used] = '\0';
}

static void put_escaped(struct str *out, const char *value)
{
    char clean[LABEL_VALUE_MAX + 1];
    label_clean(value, clean);
    for (const char *at = clean; *at;) {
        size_t plain = strcspn(at, "\\\"\n");
        str_add(out, at, plain);
        at += plain;
        if (*at) {
            str_putc(out, '\\');
            str_putc(out, *at == '\n' ? 'n' : *at);
            at++;
        }
    }
}

/* "{a="1",b="2"" and no end: a bucket's bound may follow. Nothing where there are no labels. */
static void put_labels(struct str *out, const struct label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        str_putc(out, i == 0 ? '{' : ',');
        str_puts(out, labels[i].name);
        str_puts(out, "=\"");
        put_escaped(out, labels[i].value);
        str_putc(out, '"');
    }
}

static void put_name(struct str *out, const char *name, const struct label *labels, size_t n)
{
    str_puts(out, name);
    put_labels(out, labels, n);
    str_puts(out, n > 0 ? "} " : " ");
}

static void put_number(struct str *out, uint64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    str_add(out, digits + at, sizeof digits - at);
    str_putc(out, '\n');
}

void exposition_family(struct str *out, const char *name, const char *type, const char *help)
{
    str_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void exposition_count(struct str *out, const char *name, const struct label *labels, size_t n, uint64_t value)
{
    put_name(out, name, labels, n);
    put_number(out, value);
}

void exposition_value(struct str *out, const char *name, const struct label *labels, size_t n, double value)
{
    put_name(out, name, labels, n);
    if (isnan(value))
        str_puts(out, "NaN\n");
    else if (isinf(value))
        str_puts(out, value > 0 ? "+Inf\n" : "-Inf\n");
    else
        str_printf(out, "%.15g\n", value);
}

void exposition_histogram(struct str *out, const char *name, const struct label *labels, size_t n,
                          const struct histogram *h)
{
    struct str head = STR_INIT;
    str_puts(&head, name);
    str_puts(&head, "_bucket");
    put_labels(&head, labels, n);
    str_puts(&head, n > 0 ? ",le=\"" : "{le=\"");
    out->failed = out->failed || str_failed(&head);
    uint64_t sum = 0;
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        sum += h->of[i];
        str_add(out, head.bytes, head.len);
        str_puts(out, i < HISTOGRAM_BOUNDS ? bounds[i].seconds : "+Inf");
        str_puts(out, "\"} ");
        put_number(out, sum);
    }
    str_fini(&head);
    str_puts(out, name);
    str_puts(out, "_sum");
    put_labels(out, labels, n);
    str_printf(out, "%s%" PRIu64 ".%09" PRIu64 "\n", n > 0 ? "} " : " ", h->sum_ns / NS, h->sum_ns % NS);
    str_puts(out, name);
    str_puts(out, "_count");
    put_labels(out, labels, n);
    str_puts(out, n > 0 ? "} " : " ");
    put_number(out, sum);
}

void exposition_gauge(struct str *out, const char *name, const char *help, double value)
{
    exposition_family(out, name, "gauge", help);
    exposition_value(out, name, NULL, 0, value);
}

void exposition_counter(struct str *out, const char *name, const char *help, uint64_t value)
{
    exposition_family(out, name, "counter", help);
    exposition_count(out, name, NULL, 0, value);
}
