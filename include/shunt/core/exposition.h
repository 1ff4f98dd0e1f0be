/* exposition.h: Prometheus' text format 0.0.4: families with HELP and TYPE, samples, histograms.
 *
 * Names, types and helps are constants of ours and are not checked; label values are whatever a client is called: cut,
 * escaped, and made UTF-8. Out of memory is the str's. Pure. Thread: any.
 */
#ifndef SHUNT_CORE_EXPOSITION_H
#define SHUNT_CORE_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "shunt/base/str.h"

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct label {
    const char *name, *value;
};

/* Latencies, from 1 ms to 5 min. Zero it before the first use. */
#define HISTOGRAM_BOUNDS 16
struct histogram {
    uint64_t of[HISTOGRAM_BOUNDS + 1]; /* not summed up; the last is of all that took longer */
    uint64_t sum_ns;
};
void histogram_add(struct histogram *h, uint64_t ns);
uint64_t histogram_count(const struct histogram *h);

void exposition_family(struct str *out, const char *name, const char *type, const char *help);
/* labels: n of them, may be NULL where n is 0. */
void exposition_count(struct str *out, const char *name, const struct label *labels, size_t n, uint64_t value);
void exposition_value(struct str *out, const char *name, const struct label *labels, size_t n, double value);
void exposition_histogram(struct str *out, const char *name, const struct label *labels, size_t n,
                          const struct histogram *h);

/* A family of one sample without a label. */
void exposition_gauge(struct str *out, const char *name, const char *help, double value);
void exposition_counter(struct str *out, const char *name, const char *help, uint64_t value);

/* A label's value as it is counted by: UTF-8 (a bad byte becomes U+FFFD), at most LABEL_VALUE_MAX bytes. */
#define LABEL_VALUE_MAX 255
void label_clean(const char *text, char out[LABEL_VALUE_MAX + 1]);

#endif
