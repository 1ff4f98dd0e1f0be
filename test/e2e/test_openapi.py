"""The description of the API: a sound document that says what the service really does, and a page that shows it."""
import copy
import json
import re
import shutil
import sqlite3
import urllib.parse

import pytest

from jsonschema import Draft202012Validator, FormatChecker

from shunt import TOP, ticket, wait_for
from test_access import Guarded

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
CHANGES_NOTHING_HARMFUL = {"/api/v1/retry", "/api/v1/explain", "/api/v1/scan", "/api/v1/destinations/{name}/hold", "/api/v1/destinations/{name}/release"}
OTHER_DAY = "2026-02-06"


@pytest.fixture
def guarded(make_site):
    """A service that has done some work, so that examples find something."""
    guarded = Guarded(make_site)
    guarded.api = guarded.as_("operate")
    site = guarded.site
    site.drop("RANK", "5903701.json", "CELTRA")
    site.drop_bad("RANK", "bad.json", b"{]")
    site.wait_ended(2)
    day = guarded.api.get("/api/v1/stats").json
    del day["minutes"]
    db = sqlite3.connect(site.data / "shunt.db", timeout=20)
    with db:
        db.execute("INSERT INTO daily_stats VALUES (?, 0, ?)", (int(OTHER_DAY.replace("-", "")), json.dumps(day)))
    db.close()
    return guarded


@pytest.fixture
def document(guarded):
    reply = guarded.http.get("/openapi.json")
    assert reply.status == 200 and reply.type == "application/json", reply
    return reply.json


def operations(document):
    return [(path, method, operation) for path, item in document["paths"].items() for method, operation in item.items()]


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document, reference):
    assert reference.startswith("#/"), reference
    node = document
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def strict(node):
    """The same where no object may have members that are not described: what is answered but not told of shows."""
    if isinstance(node, dict):
        node = {key: strict(value) for key, value in node.items()}
        if isinstance(node.get("properties"), dict) and node.get("type") in ("object", ["object", "null"]):
            node.setdefault("additionalProperties", False)
    elif isinstance(node, list):
        node = [strict(value) for value in node]
    return node


def validate(document, schema, value):
    whole = dict(schema, components=strict(document["components"]))
    Draft202012Validator(whole, format_checker=FormatChecker()).validate(value)


def target_of(path, operation):
    for p in operation["parameters"]:
        if p["in"] == "path":
            path = path.replace("{%s}" % p["name"], urllib.parse.quote(p["example"]))
    query = [(p["name"], p["example"]) for p in operation["parameters"] if p["in"] == "query"]
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


def success_of(operation):
    """The status that the first request gets; 200 beside 202: it was sent before."""
    status, answer = max((int(s), a) for s, a in operation["responses"].items() if s != "default" and int(s) < 400)
    return status, answer.get("content", {})


def table():
    """Routes as the source has them."""
    text = (TOP / "src" / "service" / "control_routes.c").read_text()
    return set(re.findall(r'^    \{"([A-Z]+)", "([^"]+)", api_\w+,', text, re.M))


# --- the document ---

def test_every_route_is_described_and_nothing_else(guarded, document):
    told = {(method.upper(), path) for path, method, _ in operations(document)}
    assert told == table() and len(told) > 20
    for method, path in told:
        status = guarded.http.request("DELETE", re.sub(r"\{\w+\}", "x", path)).status
        assert status == 405, (path, status)


def only(where, node, required, allowed):
    assert isinstance(node, dict) and set(required) <= set(node), where
    assert all(key in allowed or key in required or key.startswith("x-") for key in node), (where, sorted(node))


def check_content(where, content):
    assert content, where
    for kind, media in content.items():
        assert re.fullmatch(r"[\w.+*-]+/[\w.+*-]+(; ?[\w-]+=[\w.-]+)*", kind), (where, kind)
        only(where, media, ["schema"], ["example", "examples", "encoding"])
        Draft202012Validator.check_schema(media["schema"])


def check_response(where, response):
    if "$ref" in response:
        return
    only(where, response, ["description"], ["headers", "content", "links"])
    if "content" in response:
        check_content(where, response["content"])


def check_operation(where, path, operation, schemes):
    only(where, operation, ["responses", "operationId", "summary", "x-role"], ["description", "parameters", "requestBody", "security", "tags", "deprecated"])
    for p in operation["parameters"]:
        only(where, p, ["name", "in", "schema"], ["required", "description", "example"])
        assert p["in"] in ("path", "query", "header") and p["description"] and p["example"], where
        assert p["in"] != "path" or p["required"] is True, where
        Draft202012Validator.check_schema(p["schema"])
    keys = [(p["in"], p["name"]) for p in operation["parameters"]]
    assert len(keys) == len(set(keys)), where
    assert {name for kind, name in keys if kind == "path"} == set(re.findall(r"\{(\w+)\}", path)), where
    if "requestBody" in operation:
        only(where, operation["requestBody"], ["content"], ["required", "description"])
        check_content(where, operation["requestBody"]["content"])
    assert "default" in operation["responses"] and len(operation["responses"]) > 1, where
    for status, response in operation["responses"].items():
        assert re.fullmatch(r"default|[1-5](\d\d|XX)", status), where
        check_response((where, status), response)
    for wanted in operation.get("security", []):
        assert set(wanted) <= set(schemes), where


def check_scheme(name, scheme):
    if scheme["type"] == "http":
        only(name, scheme, ["type", "scheme"], ["description", "bearerFormat"])
    else:
        only(name, scheme, ["type", "name", "in"], ["description"])
        assert scheme["type"] == "apiKey" and scheme["in"] in ("query", "header", "cookie"), name


def test_it_is_a_sound_openapi_3_1_document(document):
    """The rules of the specification for what this document uses; anything else in it is refused."""
    only("document", document, ["openapi", "info", "paths"], ["servers", "security", "components", "tags", "externalDocs", "jsonSchemaDialect"])
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    only("info", document["info"], ["title", "version"], ["summary", "description", "license", "contact", "termsOfService"])
    assert document["info"]["version"] and all(server["url"] for server in document["servers"])
    components = document["components"]
    only("components", components, [], ["schemas", "responses", "securitySchemes"])
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for group in components.values() for name in group)
    for name, scheme in components["securitySchemes"].items():
        check_scheme(name, scheme)
    for name, response in components["responses"].items():
        check_response(name, response)
    for name, schema in components["schemas"].items():
        Draft202012Validator.check_schema(schema)
    assert all(set(wanted) <= set(components["securitySchemes"]) for wanted in document["security"])
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]]
    assert len(shapes) == len(set(shapes)) and all(path.startswith("/") for path in document["paths"])
    for path, method, operation in operations(document):
        assert method in METHODS
        check_operation((method, path), path, operation, components["securitySchemes"])
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names)) and all(re.fullmatch(r"[a-z0-9_]+", name) for name in names)


def test_all_references_lead_somewhere_and_every_schema_is_used(document):
    found = set(references(document))
    for reference in found:
        resolve(document, reference)
    prose = json.dumps(document["components"]["schemas"]["Events"]["description"])
    unused = [name for name in document["components"]["schemas"] if "#/components/schemas/" + name not in found and name not in prose]
    assert not unused


def test_examples_of_schemas_are_valid_and_bodies_have_one(document):
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", []):
            validate(document, {"$ref": "#/components/schemas/" + name}, example)
    for path, method, operation in operations(document):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert resolve(document, media["schema"]["$ref"])["examples"], path


def test_roles_are_told_as_the_service_asks_for_them(guarded, document):
    for path, method, operation in operations(document):
        if path == "/api/v1/events":  # it does not end
            continue
        status = guarded.http.request(method.upper(), target_of(path, operation)).status
        public = operation["x-role"] == "public"
        assert (operation.get("security") == []) == public and operation["x-role"] in operation["description"]
        assert (status == 401) == (not public), (method, path, status)
        weak = guarded.as_("read").request(method.upper(), target_of(path, operation)).status
        assert (weak == 403) == (not public and "read" not in operation["x-role"].split()), (method, path, weak)


# --- what it says is so ---

def check_answer(document, operation, reply, target):
    status, content = success_of(operation)
    assert reply.status == status, (target, reply)
    if not content:
        return
    (kind, media), = content.items()
    assert kind == "*/*" or reply.type == kind, (target, reply.type)
    value = reply.json if kind == "application/json" else reply.text
    validate(document, media["schema"], value)


def test_every_example_of_a_get_is_answered_as_described(guarded, document):
    done = 0
    for path, method, operation in operations(document):
        if method == "get" and path not in ("/api/v1/events", "/batch-status/{id}"):  # the one does not end, of the other there is none yet
            target = target_of(path, operation)
            check_answer(document, operation, guarded.api.get(target), target)
            done += 1
    assert done > 12


def test_what_is_found_is_as_described_too(guarded, document):
    """Examples filter much away; so the same without filters, and while something waits."""
    api, paths = guarded.api, document["paths"]
    assert api.post("/api/v1/destinations/monday-rank/hold").status == 200
    guarded.site.drop("RANK", "waits.json")
    wait_for(lambda: api.get("/api/v1/deliveries?state=waiting").json["deliveries"], "it waits")
    wait_for(lambda: len(api.get("/api/v1/jobs").json["jobs"]) == 3, "the store knows")
    for target, least in (("/api/v1/jobs", 3), ("/api/v1/deliveries", 1), ("/api/v1/clients", 1), ("/api/v1/status", 1)):
        reply = api.get(target)
        check_answer(document, paths[target]["get"], reply, target)
        assert len(next(iter(reply.json.values()))) >= least, reply
    for name in ("5903701.json", "bad.json", "waits.json"):
        check_answer(document, paths["/api/v1/jobs/{id}"]["get"], api.get("/api/v1/jobs/" + name), name)
    for body in (ticket("RANK", "CELTRA"), b"{]"):
        check_answer(document, paths["/api/v1/explain"]["post"], api.post("/api/v1/explain", body), body)
    retry = api.post("/api/v1/retry", {"all": True, "dry_run": True})
    check_answer(document, paths["/api/v1/retry"]["post"], retry, "retry")
    assert retry.json["retried"]
    refused = api.post("/api/v1/retry", {"ids": ["nothing"], "dry_run": True})
    check_answer(document, paths["/api/v1/retry"]["post"], refused, "retry")
    assert refused.json["refused"]
    stats = api.get("/api/v1/stats")
    check_answer(document, paths["/api/v1/stats"]["get"], stats, "stats")
    assert stats.json["clients"] and stats.json["last_errors"] and stats.json["minutes"]
    cancelled = api.post("/api/v1/jobs/waits.json/cancel")
    check_answer(document, paths["/api/v1/jobs/{id}/cancel"]["post"], cancelled, "cancel")


def test_the_examples_of_harmless_changes_are_answered_as_described(guarded, document):
    done = set()
    for path, method, operation in operations(document):
        if method == "post" and path in CHANGES_NOTHING_HARMFUL:
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            example = resolve(document, body["schema"]["$ref"])["examples"][0] if body else None
            target = target_of(path, operation)
            check_answer(document, operation, guarded.api.post(target, example), target)
            done.add(path)
    assert done == CHANGES_NOTHING_HARMFUL


def test_what_is_sent_is_taken_and_told_of_as_described(guarded, document):
    api, paths = guarded.as_("submit"), document["paths"]
    bodies = {path: resolve(document, paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"])["examples"][0]
              for path in ("/process-job", "/process-batch")}
    body = json.dumps(dict(bodies["/process-job"]["ticket"])).encode()
    guarded.site.expect("RANK", "sent.json", body, "CELTRA")
    uploaded = api.post("/upload/RANK?name=sent.json", body)
    check_answer(document, paths["/upload/{client}"]["post"], uploaded, "upload")
    later = dict(bodies["/process-job"], job_id="later", run_at="2030-01-01T00:00:00Z")
    for path, sent in (("/process-job", later), ("/process-batch", [dict(later, job_id="other"), {}])):
        reply = api.post(path, sent)
        check_answer(document, paths[path]["post"], reply, path)
    batch = api.get("/batch-status/" + reply.json["batch_id"])
    check_answer(document, paths["/batch-status/{id}"]["get"], batch, "batch")
    assert batch.json["total"] == 1 and reply.json["refused"]
    task = api.get("/job-status/" + reply.json["task_ids"][0])
    check_answer(document, paths["/job-status/{id}"]["get"], task, "task")
    active = guarded.api.get("/jobs/active")
    check_answer(document, paths["/jobs/active"]["get"], active, "active")
    assert active.json["count"] >= 2


def test_what_is_sent_again_under_its_key_is_answered_as_described(guarded, document):
    """Also for a program that was generated from the description, and knows nothing else."""
    api, done = guarded.as_("submit"), 0
    for path, method, operation in operations(document):
        keys = [p for p in operation["parameters"] if (p["in"], p["name"]) == ("header", "Idempotency-Key")]
        if not keys:
            continue
        example = resolve(document, operation["requestBody"]["content"]["application/json"]["schema"]["$ref"])["examples"][0]
        first, again = (api.post(path, example, idempotency_key=keys[0]["example"] + path) for _ in range(2))
        assert (first.status, again.status) == (202, 200) and set(operation["responses"]) == {"200", "202", "default"}, path
        for reply in (first, again):
            validate(document, operation["responses"][str(reply.status)]["content"][reply.type]["schema"], reply.json)
        done += 1
    assert done == 2


def test_who_is_not_ready_says_so_as_described(guarded, document):
    assert guarded.http.get("/readyz").status == 200
    shutil.rmtree(guarded.site.hot)
    guarded.api.post("/api/v1/scan")
    reply = wait_for(lambda: next((r for r in [guarded.http.get("/readyz")] if r.status == 503), None), "it is not ready")
    validate(document, document["paths"]["/readyz"]["get"]["responses"]["503"]["content"][reply.type]["schema"], reply.json)


def test_events_are_as_described(guarded, document):
    def until_empty_line(stream):
        fields = {}
        for line in iter(stream.readline, b"\n"):
            key, _, value = line.decode().rstrip("\n").partition(": ")
            fields[key] = value
        return fields

    with guarded.api.raw() as sock:
        sock.sendall(b"GET /api/v1/events HTTP/1.0\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % guarded.tokens["operate"].encode())
        with sock.makefile("rb") as stream:
            assert b" 200 " in stream.readline()
            headers = {}
            for line in iter(stream.readline, b"\r\n"):
                key, _, value = line.decode().strip().partition(": ")
                headers[key.lower()] = value
            described = document["paths"]["/api/v1/events"]["get"]
            assert headers["content-type"] in described["responses"]["200"]["content"]
            assert [(p["in"], p["name"]) for p in described["parameters"]] == [("header", "Last-Event-ID")]
            seen = set()
            guarded.site.drop("RANK", "again.json", "CELTRA")
            while seen != {"status", "job"}:
                fields = until_empty_line(stream)
                if fields.get("event") in ("status", "job"):
                    schema = "FeedStatus" if fields["event"] == "status" else "FeedJob"
                    validate(document, {"$ref": "#/components/schemas/" + schema}, json.loads(fields["data"]))
                    seen.add(fields["event"])


@pytest.mark.parametrize("method, target, status", [("GET", "/api/v1/jobs/none", 404), ("GET", "/nothing", 404), ("DELETE", "/api/v1/jobs", 405),
                                                    ("GET", "/api/v1/jobs?limit=x", 400), ("GET", "/docs?x=1", 400), ("GET", "/openapi.json?x=1", 400),
                                                    ("GET", "/assets/style.css?x=1", 400), ("POST", "/api/v1/jobs/5903701.json/cancel", 409)])
def test_what_goes_wrong_is_a_problem_as_described(guarded, document, method, target, status):
    reply = guarded.api.request(method, target)
    kind, = document["components"]["responses"]["Problem"]["content"]
    assert reply.status == status and reply.type == kind, reply
    validate(document, {"$ref": "#/components/schemas/Problem"}, reply.json)


def test_parameters_that_are_described_are_taken_and_no_others(guarded, document):
    for path, method, operation in operations(document):
        if method != "get" or path == "/api/v1/events":
            continue
        target = target_of(path, dict(operation, parameters=[p for p in operation["parameters"] if p["in"] == "path"]))
        for p in operation["parameters"]:
            if p["in"] == "query":
                assert guarded.api.get("%s?%s=%s" % (target, p["name"], urllib.parse.quote(p["example"]))).status == 200, p
        reply = guarded.api.get(target + "?unheard_of=1")
        assert reply.status == 400 and "unheard_of" in reply.json["detail"], (target, reply)


def test_the_document_is_asked_for_anew_only_where_it_is_another(guarded, document):
    first = guarded.http.get("/openapi.json")
    again = guarded.http.get("/openapi.json", if_none_match=first.headers["ETag"])
    assert again.status == 304 and not again.body


def test_a_schema_that_lacks_a_member_shows(document):
    """The checks above can fail."""
    broken = copy.deepcopy(document)
    del broken["components"]["schemas"]["Held"]["properties"]["held"]
    with pytest.raises(Exception, match="held"):
        validate(broken, {"$ref": "#/components/schemas/Held"}, {"name": "celtra", "held": True})


# --- the page ---

def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline(guarded):
    page = guarded.http.get("/docs")
    assert page.status == 200 and page.type.startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"] and "unsafe" not in page.headers["Content-Security-Policy"]
    assert "style=" not in page.text and not re.search(r"<script(?![^>]*src=)", page.text) and not re.search(r"\son\w+=", page.text)
    files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
    script = guarded.http.get("/assets/docs.js").text
    files += ["/assets/" + name for name in re.findall(r'from "\./([^"]+)"', script)]
    assert len(files) >= 5 and all(guarded.http.get(name).status == 200 for name in files)
    assert not re.search(r"https?://", page.text + script) and "innerHTML" not in script
