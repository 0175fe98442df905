"""Takes a pod as the cluster has it, gives its container as a process: command line, environment, files, user and rights are the pod's; never an image."""

import base64
import json
import os
import re
import shlex
import sys
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError

from tests.chart.deployed import main_container
from tests.site.contained import SYSTEM, brought, mounted, rights, unshared
from tests.site.helm import ROOT
from wellhead.stack.spawn import spawn

PYTHON = (sys.base_prefix, sys.prefix, str(ROOT))
(_ENTRYPOINT,) = re.findall(r"^ENTRYPOINT (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


class Container:
    """The first container of a pod, in a `with` block; killed at its end where it still runs.

    The network is this machine's, and there are neither limits nor a seccomp profile.
    """

    def __init__(self, cluster, pod, folder):
        self._cluster = cluster
        self._pod = pod
        self._container = main_container(pod["spec"])
        self._folder = folder
        self._log = folder / "container.log"

    def __enter__(self):
        script = self._folder / "start.sh"
        script.write_text(self._script())
        with self._log.open("wb") as log:
            self._child = spawn([*unshared(), "/bin/sh", "-eu", str(script)], cwd=self._folder, output=log)
        self.process = self._child.process
        return self

    def __exit__(self, *_exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        self._child.close()

    def said(self):
        """Give what it printed."""
        return self._log.read_text()

    def passes(self, probe):
        """Ask one of its probes as a kubelet does."""
        asked = self._container[probe]["httpGet"]
        (port,) = [each["containerPort"] for each in self._container["ports"] if each["name"] == asked["port"]]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{asked['path']}", timeout=5) as answer:
                return answer.status == 200
        except (HTTPError, URLError, OSError):
            assert self.process.poll() is None, self.said()[-3_000:]
            return False

    def _script(self):
        root = self._folder / "root"
        root.mkdir()
        at = shlex.quote(str(root))
        lines = [f"mount -t tmpfs -o mode=755 root {at}"]
        for place in (*SYSTEM, *dict.fromkeys(PYTHON)):
            lines += brought(Path(place), root)
        volumes = {each["name"]: self._laid_out(each) for each in self._pod["spec"]["volumes"]}
        for mount in self._container["volumeMounts"]:
            lines += mounted(volumes[mount["name"]], root, mount["mountPath"], is_read_only=mount.get("readOnly", False))
        if self._container["securityContext"]["readOnlyRootFilesystem"]:
            lines.append(f"mount -o remount,ro,bind {at}")
        lines.append(f"exec chroot {at} {shlex.join([*self._rights(), *self._environment(), *self._command()])}")
        return "\n".join(lines) + "\n"

    def _laid_out(self, volume):
        """Write what stands in a volume; give the folder."""
        folder = self._folder / "volumes" / volume["name"]
        folder.mkdir(parents=True)
        if "emptyDir" in volume:
            folder.chmod(0o2777)
        elif "configMap" in volume:
            for name, text in self._object("configmap", volume["configMap"]["name"])["data"].items():
                (folder / name).write_text(text)
        else:
            for name, text in self._object("secret", volume["secret"]["secretName"])["data"].items():
                (folder / name).write_bytes(base64.b64decode(text))
                (folder / name).chmod(volume["secret"]["defaultMode"])
        group = self._pod["spec"]["securityContext"]["fsGroup"]
        if os.geteuid() == 0:
            for path in (folder, *folder.iterdir()):
                os.chown(path, -1, group)
        return folder

    def _object(self, kind, name):
        return json.loads(self._cluster.done("get", kind, name, "-n", self._pod["metadata"]["namespace"], "-o", "json"))

    def _rights(self):
        """Give what makes the user and the rights those of the pod."""
        context, own = self._pod["spec"]["securityContext"], self._container["securityContext"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not own["allowPrivilegeEscalation"]
        assert context["runAsGroup"] == context["runAsUser"]
        return rights(context["runAsUser"], context["fsGroup"])

    def _environment(self):
        given = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOSTNAME": self._pod["metadata"]["name"]}
        for each in self._container["env"]:
            given[each["name"]] = each["value"] if "value" in each else self._field(each["valueFrom"]["fieldRef"]["fieldPath"])
        return ["env", "-i", "-C", given["HOME"], *(f"{name}={value}" for name, value in given.items())]

    def _field(self, path):
        value = self._pod
        for part in path.split("."):
            value = value[part]
        return value

    def _command(self):
        return [*self._container.get("command", json.loads(_ENTRYPOINT)), *self._container["args"]]
