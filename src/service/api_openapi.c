/* api_openapi.c: the description of the API as an OpenAPI 3.1 document: paths are made of the table of routes, all else
 * is openapi_schemas.json. It is asked for seldom, so it is made anew each time; what can fail is memory. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "shunt/base/str.h"

#include "control_inner.h"

#define JSON "application/json"

extern const struct embedded openapi_files[];

/* For each of these NULL is: no memory. Jansson takes a NULL member as a failure, so that only the last asks. */

/* GET /api/v1/jobs/{id} -> get_api_v1_jobs_id */
static json_t *operation_id(const struct http_route *route)
{
    struct str id = STR_INIT;
    for (const char *c = route->method; *c; c++)
        str_putc(&id, (char)tolower((unsigned char)*c));
    bool apart = true;
    for (const char *c = route->path; *c; c++) {
        bool word = isalnum((unsigned char)*c);
        if (word && apart)
            str_putc(&id, '_');
        if (word)
            str_putc(&id, *c);
        apart = !word;
    }
    json_t *json = str_failed(&id) ? NULL : json_string(id.bytes);
    str_fini(&id);
    return json;
}

static json_t *description(const struct http_route *route)
{
    if (strcmp(route->role, "public") == 0)
        return json_string("Role: public, so everybody may ask.");
    return json_sprintf("Role: %s.", route->role);
}

static bool add_parameters(json_t *list, const struct http_parameter *p, const char *in, bool required)
{
    bool fine = true;
    for (; fine && p && p->name; p++)
        fine = json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:{s:s}, s:s}", "name", p->name, "in", in,
                                                     "required", (int)required, "description", p->text, "schema",
                                                     "type", "string", "example", p->example)) == 0;
    return fine;
}

static json_t *parameters(const struct http_route *route)
{
    json_t *list = json_array();
    if (add_parameters(list, route->path_params, "path", true) && add_parameters(list, route->query, "query", false) &&
        add_parameters(list, route->headers, "header", false))
        return list;
    json_decref(list);
    return NULL;
}

static json_t *content(const char *schema, const char *type)
{
    json_t *what = schema ? json_pack("{s:o}", "$ref", json_sprintf("#/components/schemas/%s", schema))
                          : json_pack("{s:s}", "type", "string");
    return json_pack("{s:{s:o}}", type ? type : JSON, "schema", what);
}

static json_t *response(const struct http_route *route, const char *text)
{
    json_t *json = json_pack("{s:s}", "description", text);
    if ((route->answer || route->answer_type) &&
        json_object_set_new(json, "content", content(route->answer, route->answer_type)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static bool add_response(json_t *responses, unsigned status, json_t *taken)
{
    char name[16];
    snprintf(name, sizeof name, "%u", status);
    return json_object_set_new(responses, name, taken) == 0;
}

static json_t *responses(const struct http_route *route)
{
    unsigned status = route->status ? route->status : 200;
    const char *text = status < 300 ? "Done" : "Done; Location names the page to go on with";
    json_t *json = json_pack("{s:{s:s}}", "default", "$ref", "#/components/responses/Problem");
    if (add_response(json, status, response(route, text)) &&
        (!route->also || add_response(json, route->also, response(route, route->also_text))))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *operation(const struct http_route *route)
{
    json_t *json = json_pack("{s:o, s:s, s:o, s:s, s:o, s:o}", "operationId", operation_id(route), "summary",
                             route->summary, "description", description(route), "x-role", route->role, "parameters",
                             parameters(route), "responses", responses(route));
    bool fine = json != NULL;
    if (fine && route->body)
        fine = json_object_set_new(
                   json, "requestBody",
                   json_pack("{s:b, s:o}", "required", 1, "content", content(route->body, route->body_type))) == 0;
    if (fine && strcmp(route->role, "public") == 0)
        fine = json_object_set_new(json, "security", json_array()) == 0;
    if (fine)
        return json;
    json_decref(json);
    return NULL;
}

static bool add_route(json_t *paths, const struct http_route *route)
{
    char method[16];
    size_t len = 0;
    for (; route->method[len] && len < sizeof method - 1; len++)
        method[len] = (char)tolower((unsigned char)route->method[len]);
    method[len] = '\0';
    json_t *path = json_object_get(paths, route->path);
    if (!path && json_object_set_new(paths, route->path, path = json_object()) != 0)
        return false;
    return json_object_set_new(path, method, operation(route)) == 0;
}

static json_t *paths_json(void)
{
    json_t *paths = json_object();
    for (size_t i = 0; paths && i < control_n_routes; i++) {
        if (!add_route(paths, &control_routes[i])) {
            json_decref(paths);
            return NULL;
        }
    }
    return paths;
}

void api_openapi(struct http_request *request, void *context)
{
    (void)context;
    json_t *document = json_loadb(openapi_files[0].bytes, openapi_files[0].size, 0, NULL);
    json_t *info = json_object_get(document, "info");
    if (json_object_set_new(info, "version", json_string(SHUNT_VERSION)) != 0 ||
        json_object_set_new(document, "paths", paths_json()) != 0) {
        http_respond_problem(request, 503, "out of memory");
        json_decref(document);
        return;
    }
    http_request_set_header(request, "Cache-Control", "no-cache");
    api_answer(request, 200, document);
}
