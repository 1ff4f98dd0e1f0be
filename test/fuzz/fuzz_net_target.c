/* Any text as a request's target, as a form, and as headers that the server reads itself: what is taken is text, within
 * its limits, and fits its route. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/net/http_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_route routes[] = {{.method = "GET", .path = "/"},
                                           {.method = "GET", .path = "/api/v1/jobs/{id}"},
                                           {.method = "POST", .path = "/api/v1/jobs/{id}/cancel"},
                                           {.method = "GET", .path = "/{a}/{b}/x"}};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_texts(const struct http_pair *pairs, size_t n, size_t most)
{
    require(n <= most);
    for (size_t i = 0; i < n; i++)
        require(pairs[i].name_len > 0 && utf8_valid(pairs[i].value, strlen(pairs[i].value)));
}

static void check_target(struct http_target *target)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "x"};
    struct str allow = STR_INIT;
    require(target->n_segments <= HTTP_SEGMENTS_MAX && target->n_query <= HTTP_QUERY_PARAMS_MAX);
    for (size_t i = 0; i < target->n_query; i++)
        require(utf8_valid(target->query[i].value, strlen(target->query[i].value)) &&
                utf8_valid(target->query[i].name, strlen(target->query[i].name)));
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        unsigned status = 0;
        const struct http_route *route =
            http_target_match(target, routes, sizeof routes / sizeof *routes, methods[i], &status);
        if (route)
            check_texts(target->params, target->n_params, HTTP_PATH_PARAMS_MAX);
        else
            require(status == 404 || status == 405);
    }
    http_target_allow(target, routes, sizeof routes / sizeof *routes, &allow);
    str_fini(&allow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 3);
    struct http_target target;
    if (!text)
        abort();
    memcpy(text, "/?", 2);
    memcpy(text + 2, data, size);
    text[size + 2] = '\0';
    for (int form = 0; form < 2; form++) {
        int rc = http_target_parse(&target, form ? text : text + 2);
        require(rc == 0 || rc == ERR_SYNTAX);
        if (rc == 0)
            check_target(&target);
        http_target_fini(&target);
    }
    (void)http_accepts_gzip(text + 2);
    (void)http_tag_matches(text + 2, "\"0-1\"");
    free(text);
    return 0;
}
