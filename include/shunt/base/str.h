/* str.h: a growing string, and what must be done to foreign bytes before a person or a machine reads them.
 *
 * struct str is a value: str_init (or = STR_INIT), str_fini. Always NUL-terminated, may hold NULs. Out of memory is
 * sticky: after it appends do nothing and str_failed() is true, so that a caller checks once at the end. Thread: one
 * owner at a time.
 */
#ifndef SHUNT_BASE_STR_H
#define SHUNT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

struct str {
    char *bytes; /* never NULL: "" when empty */
    size_t len;
    size_t room; /* 0: nothing allocated */
    bool failed;
};

extern char str_empty[1];
#define STR_INIT ((struct str){.bytes = str_empty})

void str_init(struct str *s);
void str_fini(struct str *s);
void str_part_fini(struct str *part,
                   struct str *whole); /* where part has failed, so has whole, which was made with it */
void str_clear(struct str *s);         /* keeps the memory; clears failed */
bool str_failed(const struct str *s);
void str_reserve(struct str *s, size_t more);
void str_add(struct str *s, const void *bytes, size_t n);
void str_puts(struct str *s, const char *text);
void str_putc(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *str_take(struct str *s); /* returned: freed by mem_free; NULL where failed. s is empty afterwards */

/* A JSON string with its quotes (RFC 8259). Control characters are escaped, also DEL and C1; what is not UTF-8
 * becomes U+FFFD, one for each bad byte. */
void str_json(struct str *s, const char *bytes, size_t n);

/* For a person's terminal: control characters (C0, DEL, C1) as \n, \t, \x1b, \u0085; also what turns the direction of
 * writing or has no width, as \u202e; the backslash stays; what is not UTF-8 as \xff. Never a line break, never an
 * escape sequence. */
void str_plain(struct str *s, const char *bytes, size_t n);

/* As one word of a shell's line, whatever it holds. */
void str_shell(struct str *s, const char *text);

/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(const char *bytes, size_t n);

/* Largest length <= max at which a character ends. */
size_t utf8_cut(const char *bytes, size_t n, size_t max);

/* True where there is a control character: C0, DEL, or C1 (U+0080..U+009F). bytes is valid UTF-8. */
bool text_has_control(const char *bytes, size_t n);

/* Glob with '*' only (any run of bytes, also none), the whole text, case-sensitive; linear in practice, never
 * exponential. */
bool glob_match(const char *pattern, const char *text, size_t n);

#endif
