/* Any bytes as a form: what comes out of it lies inside the body, and its name is a text that fits.
 * Input: the content type, a line end, the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/core/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *type, const char *body, size_t len)
{
    struct multipart_file file = {.name = ""};
    struct error e = {.code = 0};
    int rc = multipart_is(type) ? multipart_read(type, body, len, &file, &e) : ERR_SYNTAX;
    if (rc != 0 && (rc != ERR_SYNTAX || (e.code != 0 && e.code != rc)))
        abort();
    if (rc == 0 && (file.bytes < body || file.len > len || (size_t)(file.bytes - body) > len - file.len ||
                    !memchr(file.name, '\0', sizeof file.name)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    if (!end)
        return 0;
    size_t type_len = (size_t)(end - data), len = size - type_len - 1;
    char *type = strndup((const char *)data, type_len), *body = malloc(len + 1);
    if (!type || !body)
        abort();
    memcpy(body, end + 1, len);
    body[len] = '\0'; /* as the server gives it */
    check(type, body, len);
    free(type);
    free(body);
    return 0;
}
