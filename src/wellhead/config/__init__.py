"""Takes what an operator wrote, gives a Deployment the runtime can run; never talks to a vendor, a broker or a registry."""

from wellhead.config.attacks import AttacksSettings
from wellhead.config.connector import ConnectorSettings
from wellhead.config.deployment import Deployment, LoadedConnector, LoadedLookup
from wellhead.config.floods import FloodsSettings
from wellhead.config.http import HttpSettings
from wellhead.config.load import load
from wellhead.config.lookup import LookupSettings
from wellhead.config.store import StoreSettings
from wellhead.config.worker import WorkerSettings

__all__ = [
    "AttacksSettings",
    "ConnectorSettings",
    "Deployment",
    "FloodsSettings",
    "HttpSettings",
    "LoadedConnector",
    "LoadedLookup",
    "LookupSettings",
    "StoreSettings",
    "WorkerSettings",
    "load",
]
