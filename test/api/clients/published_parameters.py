"""Prints, as JSON, what operations of the published bindings send that the server's document does not know, or reads as something else."""

import inspect
import json
import re
import sys
import urllib.request

import pulpcore.client.pulp_container as container
import pulpcore.client.pulpcore as core

METHOD = re.compile(r"^(?!_)(?!.*(_with_http_info|_without_preload_content)$)")
NOT_PARAMETERS = {"self", "x_task_diagnostics"}


def class_of(tag):
    return re.sub(r"[^A-Za-z0-9]", "", tag).lower() + "api"


def operations(document):
    for item in document["paths"].values():
        for operation in item.values():
            yield (class_of(operation["tags"][0]), operation["operationId"]), operation


def kind(annotation):
    return "list" if "List[" in annotation else "time" if "datetime" in annotation else None


def kind_of(schema):
    return {"array": "list", "date-time": "time"}.get(schema.get("format", schema.get("type")))


def chosen(schema):
    return schema.get("enum") or schema.get("items", {}).get("enum")


document = json.load(urllib.request.urlopen(f"{sys.argv[1]}/pulp/api/v3/docs/api.json?bindings"))
ours = dict(operations(document))
unknown, compared = [], 0
for module in (core, container):
    for name, api in inspect.getmembers(module, inspect.isclass):
        for method, function in inspect.getmembers(api, inspect.isfunction):
            operation = ours.get((name.lower(), method))
            if not operation or "requestBody" in operation or not METHOD.match(method):
                continue
            known = {each["name"]: each["schema"] for each in operation["parameters"]}
            for parameter, said in inspect.signature(function).parameters.items():
                if parameter.startswith("_") or parameter in NOT_PARAMETERS:
                    continue
                compared += 1
                if parameter not in known:
                    unknown.append(f"{name}.{method}({parameter})")
                elif kind_of(known[parameter]) != kind(str(said.annotation)):
                    unknown.append(f"{name}.{method}({parameter}): {said.annotation}")
            for parameter, text in re.findall(r"^\s*:param (\w+): (.*)$", function.__doc__ or "", re.MULTILINE):
                ours_are = chosen(known.get(parameter, {}))
                for value in re.findall(r"\* `([^`]+)` -", text) if ours_are else []:
                    compared += 1
                    if value not in ours_are:
                        unknown.append(f"{name}.{method}({parameter}={value})")
print(json.dumps({"unknown": unknown, "compared": compared}))
