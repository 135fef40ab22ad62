"""The config file: TOML into typed settings, with every problem of the file in one report.

It knows no plugin: what a component's own keys mean is asked of the registry. The receive process
uses this package, so nothing here may import the registry or pluggy.
"""

from hilum_core.config.components import (
    KINDS,
    ComponentEntry,
    ComponentKeys,
    DeliverySettings,
    Kind,
    SinkKeys,
    TransformKeys,
    core_keys,
)
from hilum_core.config.flow import Config, Flow
from hilum_core.config.loading import Examined, examine, load, load_reception
from hilum_core.config.peers import PeerSettings, TransferSyntax
from hilum_core.config.reception import Reception
from hilum_core.config.report import report
from hilum_core.config.router import ListenAddress, RouterSettings
from hilum_core.config.routes import RouteSettings
from hilum_core.config.security import Login, PeerTls, RouterTls

__all__ = [
    "KINDS",
    "ComponentEntry",
    "ComponentKeys",
    "Config",
    "DeliverySettings",
    "Examined",
    "Flow",
    "Kind",
    "ListenAddress",
    "Login",
    "PeerSettings",
    "PeerTls",
    "Reception",
    "RouteSettings",
    "RouterSettings",
    "RouterTls",
    "SinkKeys",
    "TransferSyntax",
    "TransformKeys",
    "core_keys",
    "examine",
    "load",
    "load_reception",
    "report",
]
