"""gradexp's Hydra inside a program that may use Hydra itself: one at a time, and the program's is restored."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase

from gradexp.app.resolvers import own_resolvers
from gradexp.app.section_loader import SectionLoader
from gradexp.configuration.files import CONF_DIR

# Hydra keeps what it runs in global variables. A thread may hold the lock twice, as a run may compose and start runs.
_lock = threading.RLock()


@contextmanager
def own_hydra() -> Iterator[Hydra]:
    """Within this context, Hydra is that of gradexp's command line; other threads wait for its end."""
    with _lock:
        current, config, store = GlobalHydra.instance(), HydraConfig.instance(), ConfigStore.instance()
        before = (current.hydra, config.cfg, store.repo, JobRuntime.instance().get("name"))
        base = VersionBase.instance().version_base
        version.setbase("1.3")
        store.repo = _without_rivals(store.repo, CONF_DIR)
        try:
            search_path = create_config_search_path(search_path_dir=str(CONF_DIR))
            current.hydra = Hydra("gradexp", SectionLoader(search_path))
            with own_resolvers():
                yield current.hydra
        finally:
            current.hydra, config.cfg, store.repo, name = before
            JobRuntime.instance().set("name", name)
            VersionBase.instance().version_base = base


def _without_rivals(repo: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The nodes of a ConfigStore without the program's own of the same name as a file of ours.

    Hydra would take them for schemas of our files. Hydra's own group stays as it is.
    """
    kept: dict[str, Any] = {}
    for name, node in repo.items():
        if isinstance(node, Mapping):
            kept[name] = node if name == "hydra" else _without_rivals(node, folder / name)
        elif not (folder / name).is_file():
            kept[name] = node
    return kept
