"""Calls every operation of the published container bindings, once to succeed and once to be refused.

Arguments: base URL, password, a JSON file that names what the database holds. Ends with a complaint when an operation of the
package was not called both ways.
"""

import inspect
import json
import sys
import time

from pulpcore.client import pulp_container as c, pulpcore as p

host, password, world = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))


def client(module):
    return module.ApiClient(module.Configuration(host=host, username="admin", password=password))


container, core = client(c), client(p)
tasks = p.TasksApi(core)
called, refusals = set(), set()

LEFT_OUT = {
    "RepositoriesContainerApi.build_image": "images are built by build tools, see the list of what is left out",
    "TokenApi.get": "belongs to the registry process, whose clients' tests use it",
}


class Recorded:
    """An API class of the bindings that notes which operations succeeded and which were refused."""

    def __init__(self, name):
        self.name, self.api = name, getattr(c, name)(container)

    def __getattr__(self, operation):
        def call(*args, **keywords):
            answer = getattr(self.api, operation)(*args, **keywords)
            called.add(f"{self.name}.{operation}")
            return answer

        return call

    def refuse(self, status, operation, *args, says=None, **keywords):
        try:
            getattr(self.api, operation)(*args, **keywords)
        except c.exceptions.ApiException as error:
            assert error.status == status, (self.name, operation, error.status, error.body)
            assert says is None or says in error.body, (self.name, operation, error.body)
            refusals.add(f"{self.name}.{operation}")
            return
        raise AssertionError(f"{self.name}.{operation} was not refused")


def done(answer):
    for _ in range(400):
        task = tasks.read(answer.task)
        if task.state in ("completed", "failed", "canceled"):
            assert task.state == "completed", task.error
            return task
        time.sleep(0.05)
    raise AssertionError("the task does not end")


def started(answer, name):
    """The work itself belongs to workers, which are not here."""
    assert tasks.read(answer.task).name == f"pulp_container.app.tasks.{name}"


def settled():
    for _ in range(400):
        if tasks.list(state__in=["waiting", "running"]).count == 0:
            return
        time.sleep(0.05)
    raise AssertionError("tasks do not end")


def gone(href):
    return href.rstrip("/")[:-36] + "01900000-0000-7000-8000-000000000000/"


def list_and_read(api, href, **filters):
    assert href in [each.pulp_href for each in api.list(**filters).results], (api.name, filters)
    api.refuse(400, "list", q="(", says="Syntax error")
    assert api.read(href).pulp_href == href
    assert api.read(href, exclude_fields=["pulp_created"]).pulp_created is None
    api.refuse(404, "read", gone(href))


def labels(api, href):
    assert api.set_label(href, c.SetLabel(key="env", value="prod")).value == "prod"
    api.refuse(400, "set_label", href, c.SetLabel(key="in/valid", value="x"), says="invalid characters")
    assert api.unset_label(href, c.UnsetLabel(key="env")).value == "prod"
    api.refuse(400, "unset_label", href, c.UnsetLabel(key="env"), says="not set on the object")


def roles(api, href, role):
    given = c.NestedRole(role=role, users=["paula"])
    assert api.add_role(href, given).role == role
    api.refuse(400, "add_role", href, c.NestedRole(role="no.such", users=["paula"]))
    assert any(each.role == role for each in api.list_roles(href).roles)
    api.refuse(404, "list_roles", gone(href))
    assert api.my_permissions(href).permissions
    api.refuse(404, "my_permissions", gone(href))
    api.remove_role(href, given)
    api.refuse(400, "remove_role", href, c.NestedRole(role="no.such", users=["paula"]))


def changes(api, href, whole, part):
    """PUT and PATCH; `whole` and `part` are bodies that set the description or another text."""
    done(api.update(href, whole))
    api.refuse(404, "update", gone(href), whole)
    done(api.partial_update(href, part))
    api.refuse(404, "partial_update", gone(href), part)


def content():
    for name, href in world["content"].items():
        api = Recorded(f"Content{name}Api")
        list_and_read(api, href)
        labels(api, href)
    tags = Recorded("ContentTagsApi")
    assert tags.list(name="latest", repository_version=world["container"] + "versions/1/").count == 1
    signatures = Recorded("ContentSignaturesApi")
    assert signatures.list(manifest=[world["digest"]]).count == 1
    assert signatures.list(key_id=world["key"]).count >= 1


def curated():
    api, versions = Recorded("RepositoriesContainerApi"), Recorded("RepositoriesContainerVersionsApi")
    source = world["container"]
    made = api.create(c.ContainerContainerRepository(name="made"))
    api.refuse(400, "create", c.ContainerContainerRepository(name="made"), says="unique")
    href = made.pulp_href
    list_and_read(api, href, name="made")
    changes(
        api,
        href,
        c.ContainerContainerRepository(name="made", description="d"),
        c.PatchedcontainerContainerRepository(retain_repo_versions=7),
    )
    labels(api, href)
    roles(api, href, "container.containerrepository_viewer")
    done(api.copy_tags(href, c.TagCopy(source_repository=source, names=["latest"])))
    api.refuse(400, "copy_tags", href, c.TagCopy(names=["latest"]), says="needs to be specified")
    done(api.copy_manifests(href, c.ManifestCopy(source_repository_version=source + "versions/1/")))
    api.refuse(400, "copy_manifests", href, c.ManifestCopy(), says="needs to be specified")
    done(api.tag(href, c.TagImage(tag="other", digest=world["digest"])))
    api.refuse(400, "tag", href, c.TagImage(tag="x", digest="sha256:" + 64 * "0"))
    done(api.untag(href, c.UnTagImage(tag="other")))
    api.refuse(400, "untag", href, c.UnTagImage(tag="other"))
    done(api.remove(href, c.RecursiveManage(content_units=[world["content"]["Tags"]])))
    api.refuse(400, "remove", href, c.RecursiveManage(content_units=["*", world["content"]["Tags"]]))
    done(api.add(href, c.RecursiveManage(content_units=[world["content"]["Tags"]])))
    api.refuse(400, "add", href, c.RecursiveManage(content_units=["/nowhere/"]))
    head = api.read(href).latest_version_href
    signing = c.RepositorySign(manifest_signing_service=world["service"], future_base_path="made")
    started(api.sign(href, signing), "sign.sign")
    api.refuse(400, "sign", href, c.RepositorySign())
    remote = Recorded("RemotesContainerApi").create(
        c.ContainerContainerRemote(name="for-sync", url="https://up.example", upstream_name="a/b")
    )
    started(api.sync(href, c.ContainerRepositorySyncURL(remote=remote.pulp_href)), "synchronize.synchronize")
    api.refuse(400, "sync", href, c.ContainerRepositorySyncURL())
    versions_of(versions, href, head)
    done(api.delete(href))
    api.refuse(404, "delete", href)


def versions_of(versions, href, head):
    assert versions.list(href, number__gt=0).results[0].pulp_href == head
    versions.refuse(404, "list", gone(href))
    present = versions.read(head).content_summary.present
    assert present["container.tag"]["count"] == 1, present
    versions.refuse(404, "read", href + "versions/99/")
    report = done(versions.repair(head, c.Repair(verify_checksums=True)))
    assert [each.code for each in report.progress_reports] == ["repair.missing", "repair.corrupted", "repair.repaired"]
    versions.refuse(404, "repair", href + "versions/99/", c.Repair())
    done(versions.delete(head))
    versions.refuse(404, "delete", head)


def pushed():
    api, versions = Recorded("RepositoriesContainerPushApi"), Recorded("RepositoriesContainerPushVersionsApi")
    href = world["push"]
    list_and_read(api, href, name__contains="pushed")
    changes(
        api,
        href,
        c.ContainerContainerPushRepository(name="pushed", description="d"),
        c.PatchedcontainerContainerPushRepository(retain_repo_versions=50),
    )
    viewing = p.Role(name="push_viewer", permissions=["container.view_containerpushrepository"])
    roles(api, href, p.RolesApi(core).create(viewing).name)
    done(api.tag(href, c.TagImage(tag="other", digest=world["pushDigest"])))
    api.refuse(400, "tag", href, c.TagImage(tag="x", digest="sha256:" + 64 * "0"))
    done(api.untag(href, c.UnTagImage(tag="other")))
    api.refuse(400, "untag", href, c.UnTagImage(tag="other"))
    signing = c.RepositorySign(manifest_signing_service=world["service"], future_base_path="pushed")
    started(api.sign(href, signing), "sign.sign")
    api.refuse(400, "sign", href, c.RepositorySign())
    # The package expects another status than 202 here, so it does not hand the task over.
    api.remove_signatures(href, c.RemoveSignatures(signed_with_key_id=world["key"]))
    settled()
    api.refuse(400, "remove_signatures", href, c.RemoveSignatures(signed_with_key_id=world["key"]))
    versions_of(versions, href, api.read(href).latest_version_href)
    done(api.remove_image(href, c.RemoveImage(digest=world["pushDigest"])))
    api.refuse(400, "remove_image", href, c.RemoveImage(digest=world["pushDigest"]))
    moved = done(api.migrate(href))
    assert moved.state == "completed"
    api.refuse(404, "migrate", href)


PREFIX = {"Container": "", "PullThrough": "pullthrough"}


def remotes():
    for kind, extra in (("Container", {"upstream_name": "a/b"}), ("PullThrough", {})):
        api = Recorded(f"Remotes{kind}Api")
        name = "ContainerContainer" + ("" if kind == "Container" else kind) + "Remote"
        body, patch = getattr(c, name), getattr(c, "Patchedcontainer" + name[len("Container") :])
        made = api.create(body(name=f"r-{kind}", url="https://up.example", username="u", password="p", **extra))
        api.refuse(400, "create", body(name=f"r-{kind}", url="https://up.example", **extra), says="unique")
        assert {each.name: each.is_set for each in made.hidden_fields}["password"]
        href = made.pulp_href
        list_and_read(api, href, name__in=[f"r-{kind}"])
        changes(api, href, body(name=f"r-{kind}", url="https://up2.example", **extra), patch(download_concurrency=3))
        labels(api, href)
        roles(api, href, f"container.container{PREFIX[kind]}remote_viewer")
        yield kind, api, href


def distributions():
    for kind, remote_api, remote in remotes():
        api = Recorded(f"Distributions{kind}Api")
        name = "ContainerContainer" + ("" if kind == "Container" else kind) + "Distribution"
        body, patch = getattr(c, name), getattr(c, "Patchedcontainer" + name[len("Container") :])
        extra = {} if kind == "Container" else {"remote": remote}
        path = f"{kind.lower()}/d"
        href = done(api.create(body(name=f"d-{kind}", base_path=path, **extra))).created_resources[0]
        api.refuse(400, "create", body(name=f"x-{kind}", base_path="/bad/", **extra))
        list_and_read(api, href, base_path=path)
        changes(api, href, body(name=f"d-{kind}", base_path=path, description="d", **extra), patch(private=True))
        assert api.read(href).private is True
        labels(api, href)
        roles(api, href, f"container.container{PREFIX[kind]}distribution_owner")
        done(api.delete(href))
        api.refuse(404, "delete", href)
        done(remote_api.delete(remote))
        remote_api.refuse(404, "delete", remote)


def namespaces():
    api = Recorded("PulpContainerNamespacesApi")
    made = api.create(c.ContainerContainerNamespace(name="team"))
    api.refuse(400, "create", c.ContainerContainerNamespace(name="team"), says="unique")
    list_and_read(api, made.pulp_href, name="team")
    roles(api, made.pulp_href, "container.containernamespace_collaborator")
    done(api.delete(made.pulp_href))
    api.refuse(404, "delete", made.pulp_href)


def operations():
    for name, api in inspect.getmembers(c, inspect.isclass):
        if name.endswith("Api"):
            for operation, function in inspect.getmembers(api, inspect.isfunction):
                if not operation.startswith("_") and not operation.endswith(("_with_http_info", "_without_preload_content")):
                    yield f"{name}.{operation}"


for part in (content, curated, pushed, distributions, namespaces):
    part()
wanted = set(operations()) - set(LEFT_OUT)
assert len(wanted) > 100, wanted
assert wanted <= called, ("never succeeded", sorted(wanted - called))
assert wanted <= refusals, ("never refused", sorted(wanted - refusals))
print(len(wanted))
