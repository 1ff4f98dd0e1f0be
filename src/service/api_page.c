/* api_page.c: the dashboard's files, which are part of the program. Their names are those of src/web; brand.css alone is made
 * here, of the settings. A browser keeps them, and asks with their ETag whether they are still the same. */
#include <stdio.h>
#include <string.h>

#include "shunt/base/str.h"

#include "control_inner.h"

#define KEPT     "private, no-cache"
#define LIGHT    0.91  /* luminance of the page that a colour stands on, of style.css */
#define DARK     0.014 /* of a card on a dark page */
#define CONTRAST 4.6   /* WCAG AA asks for 4.5 */

extern const struct embedded web_files[];
extern const size_t web_files_count;

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

const struct embedded *page_file(const char *name)
{
    for (size_t i = 0; i < web_files_count; i++)
        if (strcmp(web_files[i].name, name) == 0)
            return &web_files[i];
    return NULL;
}

static const char *type_of(const char *name)
{
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].ending, ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

static void answer_file(struct http_request *request, const struct embedded *file)
{
    http_request_set_header(request, "Cache-Control", KEPT);
    http_respond(request, 200, type_of(file->name), file->bytes, file->size);
}

void api_docs(struct http_request *request, void *context)
{
    (void)context;
    answer_file(request, page_file("docs.html"));
}

void api_page(struct http_request *request, void *context)
{
    (void)context;
    answer_file(request, page_file("index.html"));
}

/* Of an sRGB colour; a polynomial near enough to the power of 2.4. */
static double luminance(const double rgb[3])
{
    static const double weights[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (size_t i = 0; i < 3; i++)
        sum += weights[i] * rgb[i] * (rgb[i] * (rgb[i] * 0.305306011 + 0.682171111) + 0.012522878);
    return sum;
}

static void mix(double rgb[3], double with, double part)
{
    for (size_t i = 0; i < 3; i++)
        rgb[i] += (with - rgb[i]) * part;
}

/* The brand's colour, as much darker or lighter as is needed to be read there. */
static void put_brand(struct str *css, const char *colour, bool dark)
{
    double rgb[3];
    for (size_t i = 0; i < 3; i++) {
        unsigned part = 0;
        (void)sscanf(colour + 1 + 2 * i, "%2x", &part);
        rgb[i] = part / 255.0;
    }
    if (dark)
        mix(rgb, 1, 0.55);
    while (dark ? luminance(rgb) + 0.05 < CONTRAST * (DARK + 0.05) : (luminance(rgb) + 0.05) * CONTRAST > LIGHT + 0.05)
        mix(rgb, dark ? 1 : 0, 0.05);
    str_puts(css, ":root { --brand: #");
    for (size_t i = 0; i < 3; i++)
        str_printf(css, "%02x", (unsigned)(rgb[i] * 255));
    str_puts(css, "; }");
}

static void answer_brand(struct http_request *request, const struct control *c)
{
    struct str css = STR_INIT;
    const char *colour = c->service->config->settings->brand_colour;
    put_brand(&css, colour, false);
    str_puts(&css, "\n@media (prefers-color-scheme: dark) { ");
    put_brand(&css, colour, true);
    str_puts(&css, " }\n");
    http_request_set_header(request, "Cache-Control", KEPT);
    if (str_failed(&css))
        http_respond_problem(request, 503, "out of memory");
    else
        http_respond(request, 200, type_of(".css"), css.bytes, css.len);
    str_fini(&css);
}

void api_asset(struct http_request *request, void *context)
{
    const char *name = http_request_param(request, "name");
    const struct embedded *file = page_file(name);
    if (strcmp(name, "brand.css") == 0)
        answer_brand(request, context);
    else if (file)
        answer_file(request, file);
    else
        http_respond_problem(request, 404, "%s: there is no such file", name);
}
