"""Prints, as JSON, where schemas of the published bindings and of the server's document part in a way that a client meets."""

import inspect
import json
import re
import sys
import urllib.request

import pulpcore.client.pulp_container as container
import pulpcore.client.pulpcore as core
from pydantic import BaseModel

# Lists of these are there and always empty, so of their members only the common ones are described.
EMPTY = re.compile(r"^(OpenPGP|Publication|VulnerabilityReport)")
# Members that part on purpose, and why.
MEANT = {
    "ContainerContainerNamespace.name": "the first part of a base path, which has at most 255 characters there too",
    "TagImage.tag": "longer tags cannot be pulled",
    "Upload.size": "an upload of nothing cannot be committed",
    "User.email": "no longer address can be delivered to, and it is refused there too",
    "PatchedUser.email": "as above",
    "PatchedLoginUpdate.email": "as above",
    "ContainerContainerPullThroughDistributionResponse.remote": "the remote may be deleted, there too",
}
LOWER, UPPER = ("minLength", "minimum", "minItems"), ("maxLength", "maximum", "maxItems")

document = json.load(urllib.request.urlopen(f"{sys.argv[1]}/pulp/api/v3/docs/api.json"))
schemas = document["components"]["schemas"]


def plain(name):
    return re.sub(r"[^A-Za-z0-9]", "", name).lower()


def followed(schema, named):
    """A schema without references, and without the `null` by which pydantic says that a member may be left out."""
    if "$ref" in schema:
        return {**followed(named[schema["$ref"].split("/")[-1]], named), **{k: v for k, v in schema.items() if k != "$ref"}}
    for word in ("allOf", "anyOf"):
        inner = [followed(each, named) for each in schema.get(word, []) if each.get("type") != "null"]
        if inner:
            number = [each for each in inner if each.get("type") == "number"]
            return {**(number or inner)[0], **{k: v for k, v in schema.items() if k != word}}
    return schema


def kind(schema):
    if schema.get("enum"):
        return "string"
    return "object" if "properties" in schema else schema.get("type")


def may_be_null(model):
    return set(re.findall(r"set to None if (\w+) \(nullable\)", inspect.getsource(model.to_dict)))


def request_problems(theirs, ours):
    """A client may send all that its schema allows."""
    for limits, tighter in ((LOWER, lambda a, b: a > b), (UPPER, lambda a, b: a < b)):
        for limit in limits:
            here, there = ours.get(limit), theirs.get(limit)
            # That texts are not empty is what the other server says of most of them.
            if here is not None and (there is None or tighter(here, there)) and (limit, here) != ("minLength", 1):
                yield f"{limit} {here} here, {there} there"
    if theirs.get("enum") and ours.get("enum") and not set(theirs["enum"]) <= set(ours["enum"]):
        yield f"not to be chosen here: {sorted(set(theirs['enum']) - set(ours['enum']))}"


def response_problems(theirs, ours):
    """A client reads only what its schema allows."""
    if theirs.get("enum") and not set(ours.get("enum", [None])) <= set(theirs["enum"]):
        yield f"unexpected values: {ours.get('enum')} here, {theirs['enum']} there"


def member_problems(name, member, theirs, ours, nullable, needed):
    is_response = "Response" in name
    if kind(theirs) and kind(ours) and kind(theirs) != kind(ours):
        yield f"{kind(ours)} here, {kind(theirs)} there"
    if kind(theirs) and not kind(ours) and is_response:
        yield f"anything here, {kind(theirs)} there"
    if is_response and needed[0] and ours.get("nullable") and not nullable:
        yield "null here, always there"
    if not is_response and nullable and not ours.get("nullable"):
        yield "null is refused here"
    if not is_response and needed[1] and not needed[0]:
        yield "required here"
    yield from (response_problems if is_response else request_problems)(theirs, ours)


known = {plain(name): name for name in schemas}
problems, compared = [], 0
for module in (core, container):
    for name, model in inspect.getmembers(module, inspect.isclass):
        if not issubclass(model, BaseModel) or plain(name) not in known:
            continue
        ours, theirs = schemas[known[plain(name)]], model.model_json_schema(by_alias=True)
        nullable, named = may_be_null(model), theirs.get("$defs", {})
        for member, schema in theirs.get("properties", {}).items():
            compared += 1
            if f"{name}.{member}" in MEANT:
                continue
            if member not in ours.get("properties", {}):
                if not EMPTY.match(name):
                    problems.append(f"{name}.{member}: not here")
                continue
            needed = (member in theirs.get("required", []), member in ours.get("required", []))
            both = (followed(schema, named), followed(ours["properties"][member], schemas))
            inner = [each["items"] for each in both if each.get("type") == "array" and "items" in each]
            if len(inner) == 2:
                inner = (followed(inner[0], named), followed(inner[1], schemas))
                each = member_problems(name, member, *inner, bool(inner[1].get("nullable")), (False, False))
                problems += [f"{name}.{member}[]: {problem}" for problem in each]
            each = member_problems(name, member, *both, member in nullable, needed)
            problems += [f"{name}.{member}: {problem}" for problem in each]
print(json.dumps({"problems": problems, "compared": compared}))
