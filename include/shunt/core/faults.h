/* faults.h: everything that is wrong in a configuration file, each with its place, so that a person mends all at once.
 * Ownership: a value; faults_fini frees. Bounded: after FAULTS_MAX the rest is only counted. Pure. */
#ifndef SHUNT_CORE_FAULTS_H
#define SHUNT_CORE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#define FAULTS_MAX 100

struct faults {
    char **texts; /* "FILE:LINE: what is wrong" (no line: "FILE: ..."), in the order found */
    size_t count; /* entries in texts */
    size_t more;  /* those beyond FAULTS_MAX, or lost for want of memory */
};

void faults_init(struct faults *f);
void faults_fini(struct faults *f);
bool faults_any(const struct faults *f);
void faults_add(struct faults *f, const char *file, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
