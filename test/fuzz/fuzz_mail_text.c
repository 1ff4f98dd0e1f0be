/* Any bytes as a subject, an address, a server and a body: no line of a header is longer than it may be, or anything but
 * ASCII, or begins another header; what is taken for an address or a server has no byte that could end its line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/base/mem.h"
#include "shunt/core/mail_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_header(const struct str *header, size_t columns)
{
    size_t column = 0;
    for (size_t i = 0; i < header->len; i++) {
        char c = header->bytes[i];
        if (c == '\r') {
            must(memcmp(header->bytes + i, "\r\n ", 3) == 0);
            i++;
            column = 0;
            continue;
        }
        must(c >= ' ' && c <= '~' && ++column <= columns);
    }
}

static void check_address(const char *text)
{
    struct mail_address a;
    struct str header = STR_INIT;
    if (mail_address_parse(text, &a, NULL) != 0)
        return;
    must(strpbrk(a.address, "\r\n<> ,") == NULL && strchr(a.address, '@') != NULL);
    mail_header_addresses(&header, "To", (struct mail_address[]){a, a}, 2);
    check_header(&header, 998);
    str_fini(&header);
}

static void check_lines(const char *text)
{
    struct str lines = STR_INIT;
    mail_lines(&lines, text);
    for (size_t i = 0; i < lines.len; i++)
        must(lines.bytes[i] == '\r' ? lines.bytes[i + 1] == '\n'
                                    : lines.bytes[i] != '\n' || lines.bytes[i - 1] == '\r');
    must(utf8_valid(lines.bytes, lines.len));
    str_fini(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    struct str header = STR_INIT;
    struct mail_server server;
    must(text != NULL);
    mail_header(&header, "Subject", text);
    check_header(&header, 76);
    str_fini(&header);
    if (mail_server_parse(text, MAIL_STARTTLS, &server, NULL) == 0)
        must(server.port > 0 && strpbrk(server.host, "\r\n/@ ") == NULL);
    check_address(text);
    check_lines(text);
    mem_free(text);
    return 0;
}
