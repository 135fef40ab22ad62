"""Who takes part in *route*: Hilum, Orthanc with Lua, and DCMTK with a command, as people write them."""

from __future__ import annotations

import time

import attrs

from bench.contestants.hilum import Hilum
from bench.contestants.orthanc import Orthanc
from bench.contestants.receivers import Receiver, Storescp
from bench.landing import LateError

_WITHIN_S = 60.0
_POLL_S = 0.02
_HILUM = """
[peers.archive]
ae_title = "ARCHIVE"
host     = "127.0.0.1"
port     = {port}

[sinks.archive]
type = "dicom"
peer = "archive"
{components}
[[routes]]
name       = "bench"
filters    = [{filters}]
transforms = [{transforms}]
sinks      = ["archive"]
"""
_LUA = """
function OnStoredInstance(instanceId, tags, metadata, origin)
   Delete(SendToModality(instanceId, 'archive'))
end
"""
_LUA_IF = """
function OnStoredInstance(instanceId, tags, metadata, origin)
   if {condition} then
      Delete(SendToModality(instanceId, 'archive'))
   end
end
"""


@attrs.frozen(kw_only=True)
class Task:
    """What a router is to do on the way.

    Attributes
    ----------
    tags
        Pass on only what has these values.
    edits
        Set these values; each as long as the one it takes the place of, so that the result is known.
    """

    words: str
    tags: dict[str, str] = attrs.field(factory=dict, eq=False)
    edits: dict[str, str] = attrs.field(factory=dict, eq=False)


PASS_ON = Task(words="")
FILTER = Task(
    words="filter on four tags",
    tags={"InstitutionName": "Bench", "StationName": "BENCH", "PatientSex": "O", "StudyID": "1"},
)
EDIT = Task(words="edit of two tags", edits={"InstitutionName": "Hilum", "StationName": "HILUM"})


class HilumRouter(Hilum):
    """Hilum with one route to one archive. What is delivered is purged at once, as the others do."""

    def __init__(self, task: Task, archive_port: int) -> None:
        super().__init__(_hilum_config(task, archive_port), keep_settled="0s")

    def clear(self) -> None:
        """Wait until its purge is done."""
        self.wait_until(lambda: not any(self.files()))


def _hilum_config(task: Task, port: int) -> str:
    components, filters, transforms = "", "", ""
    if task.tags:
        wanted = ", ".join(f'{tag} = ["{value}"]' for tag, value in task.tags.items())
        components += f'\n[filters.four]\ntype  = "tags"\nwhere = {{ {wanted} }}\n'
        filters = '"four"'
    if task.edits:
        new = ", ".join(f'{tag} = "{value}"' for tag, value in task.edits.items())
        components += f'\n[transforms.two]\ntype = "edit"\nset  = {{ {new} }}\n'
        transforms = '"two"'
    return _HILUM.format(port=port, components=components, filters=filters, transforms=transforms)


def _wait_until_empty(router: Receiver) -> None:
    """Wait until a router has removed all that it was sent."""
    deadline = time.monotonic() + _WITHIN_S
    while any(router.files()):
        if time.monotonic() > deadline:
            raise LateError(f"{router.words} keeps files for more than {_WITHIN_S:g} s")
        time.sleep(_POLL_S)


class OrthancRouter(Orthanc):
    """Orthanc with a script that sends each instance, and removes it once it is sent.

    The more waits, the slower it gets: a greater share would make it slower still.
    """

    share = 0.2

    def __init__(self, task: Task, archive_port: int) -> None:
        super().__init__(is_durable=True, lua=_lua(task), archive_port=archive_port)
        self.words = "Orthanc with Lua"

    def settle(self) -> None:
        """Wait until it has removed everything."""
        _wait_until_empty(self)


class OrthancRouterAsItComes(OrthancRouter):
    """The same without ``TCP_NODELAY``: each message that it sends waits for an acknowledgement."""

    def __init__(self, task: Task, archive_port: int) -> None:
        Orthanc.__init__(self, is_durable=True, lua=_lua(task), archive_port=archive_port, environment={})
        self.share = 0.05
        self.name = "orthanc-nagle"
        self.words = "Orthanc with Lua, Nagle on"


def _lua(task: Task) -> str:
    if not task.tags:
        return _LUA
    wanted = [f"tags['{tag}'] == '{value}'" for tag, value in task.tags.items()]
    return _LUA_IF.format(condition=" and ".join(wanted))


class ScriptRouter(Storescp):
    """storescp that runs storescu for each object, and removes the file if that went well."""

    share = 0.1

    def __init__(self, archive_port: int) -> None:
        storescu = f"storescu -aec ARCHIVE 127.0.0.1 {archive_port} '#p/#f' && rm '#p/#f'"
        super().__init__("--exec-on-reception", storescu)
        self.name = "script"
        self.words = "storescp runs storescu"

    def settle(self) -> None:
        """Wait until the command has removed everything."""
        _wait_until_empty(self)


def routers(task: Task, archive_port: int) -> list[Receiver]:
    """Everybody who can do the task and leaves the objects theirs: Orthanc gives what it edits new UIDs."""
    if task.edits:
        return [HilumRouter(task, archive_port)]
    both: list[Receiver] = [HilumRouter(task, archive_port), OrthancRouter(task, archive_port)]
    return (
        both if task.tags else [*both, OrthancRouterAsItComes(task, archive_port), ScriptRouter(archive_port)]
    )
