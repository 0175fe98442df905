"""Takes an unpacked OpenSearch, gives it its scripting language, which the archive leaves out; never half of it."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from wellhead.stack.cache import file_lock

NAME = "lang-painless"
_DESCRIPTOR = """\
description=An easy, safe and fast scripting language for OpenSearch
version={version}
name=lang-painless
classname=org.opensearch.painless.PainlessPlugin
java.version=11
opensearch.version={version}
custom.foldername=
extended.plugins=
has.native.controller=false
"""
# Scripts become classes, and the classes they may use are looked up.
_POLICY = """\
grant {
  permission java.lang.RuntimePermission "createClassLoader";
  permission java.lang.RuntimePermission "getClassLoader";
};
"""


def add_painless(root: Path, home: Path, jars: Sequence[Path]) -> None:
    """Put the language among the modules of `home`, where it is not there already.

    Args:
        root: The cache folder.
        home: Where OpenSearch was unpacked to; its name ends in its version.
        jars: The language and what it needs; their SHA-256 has been checked.
    """
    module = home / "modules" / NAME
    with file_lock(root / "unpacked" / ".lock"):
        if module.exists():
            return
        part = Path(tempfile.mkdtemp(dir=home, prefix=".part-"))
        for jar in jars:
            shutil.copyfile(jar, part / jar.name)
        (part / "plugin-descriptor.properties").write_text(_DESCRIPTOR.format(version=home.name.rpartition("-")[2]))
        (part / "plugin-security.policy").write_text(_POLICY)
        part.rename(module)
