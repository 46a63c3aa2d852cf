"""The stack on this machine: `python -m infra.cloud up`, `down`, `token client alice`.

ministack plays AWS on 127.0.0.1, with IAM enforced, from an environment of its own (it pins botocore). Everything that
it leaves lies in .cloud/. Linux only: the Lambdas run here, and their wheels are Linux wheels.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from infra import stack
from infra.package import ROOT, CannotPackage
from local import issuer
from local.options import JWKS_PATH, trusting
from local.ports import free_port

STAGE = "cloud"
PORT = 4566
EMULATOR = ROOT / ".venv-cloud" / "bin" / "ministack"
ISSUER_BUCKET = "holdfast-issuer"
PATIENCE_SECONDS = 30
# Each of 64 Lambdas has its own copy of the package: in memory, where there is enough of it.
MEMORY = Path("/dev/shm")  # noqa: S108  # the folder in it is made by mkdtemp
MEMORY_NEEDED_BYTES = 4_000_000_000
# Kept: a process that nobody refers to is complained about.
_started: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Cloud:
    """One emulator, the stack on it, and the issuer that the stack trusts."""

    name: str
    port: int

    @property
    def state(self) -> Path:
        return ROOT / ".cloud" / self.name

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "root",
            "AWS_SECRET_ACCESS_KEY": "root",
        }

    @property
    def issuer(self) -> str:
        return f"{self.endpoint}/{ISSUER_BUCKET}"

    @property
    def key_file(self) -> Path:
        return self.state / "issuer.pem"

    def token(self, role: str, caller_id: str) -> str:
        return issuer.token(self.issuer, role, caller_id, self.key_file)

    def up(self) -> dict[str, str]:
        """The outputs of the stack, and `Url`, where it answers. What was there before is gone."""
        self.use()
        self.down()
        self.state.mkdir(parents=True)
        self.start()
        self.publish_issuer()
        os.environ.update(trusting(self.issuer))
        found = stack.deploy(STAGE)
        finish(found)
        # ApiUrl is the address that AWS would give; this is where the emulator answers.
        return found | {"Url": f"{self.endpoint}/_aws/execute-api/{found['RestAPIId']}/api"}

    def use(self) -> None:
        """From here on, no call of this process can reach AWS."""
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            os.environ.pop(name, None)
        os.environ.update(self.credentials)

    def start(self) -> None:
        if self.answers():
            sys.exit(f"holdfast: something else is listening on {self.endpoint}; choose another port with CLOUD_PORT=")
        env = {
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.scratch()),
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",
            # Nothing here uses them, and they listen on every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            **self.credentials,
        }
        with (self.state / "log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603  # our own
                [EMULATOR], env=env, cwd=self.state, stdout=log, stderr=log, start_new_session=True
            )
        _started.append(process)
        (self.state / "pid").write_text(str(process.pid))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"holdfast: the emulator does not start; see {self.state / 'log'}")
            time.sleep(0.1)

    def scratch(self) -> Path:
        in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED_BYTES
        folder = Path(tempfile.mkdtemp(prefix="holdfast-", dir=MEMORY if in_memory else self.state))
        (self.state / "scratch").symlink_to(folder)
        return folder

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.endpoint}/_ministack/health", timeout=1):  # noqa: S310  # ours
                return True
        except (URLError, TimeoutError, ConnectionError):
            return False

    def pid(self) -> int | None:
        file = self.state / "pid"
        return int(file.read_text()) if file.exists() else None

    def down(self) -> None:
        pid = self.pid()
        if pid:
            stop(pid)
        for folder in ((self.state / "scratch").resolve(), self.state):
            shutil.rmtree(folder, ignore_errors=True)

    def publish_issuer(self) -> None:
        """Plays the identity provider: the public half of its key, where the app looks."""
        s3 = stack.client("s3")
        s3.create_bucket(Bucket=ISSUER_BUCKET)
        s3.delete_public_access_block(Bucket=ISSUER_BUCKET)
        s3.put_bucket_policy(Bucket=ISSUER_BUCKET, Policy=json.dumps(anyone_may_read(ISSUER_BUCKET)))
        keys = issuer.jwks(self.key_file).encode()
        s3.put_object(Bucket=ISSUER_BUCKET, Key=JWKS_PATH.removeprefix("/"), Body=keys)


def own(environ: Mapping[str, str] = os.environ) -> Cloud:
    """That of `make cloud`."""
    return Cloud("own", int(environ.get("CLOUD_PORT") or PORT))


def for_tests() -> Cloud:
    """One that is in nobody's way."""
    return Cloud("e2e", free_port())


def stop(pid: int) -> None:
    """Ends the emulator and, being of its process group, every Lambda."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        if is_emulator(pid):
            os.killpg(pid, sent)
            wait_until_gone(pid)
    for process in _started:
        process.poll()


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while is_emulator(pid) and time.monotonic() < deadline:
        time.sleep(0.1)


def is_emulator(pid: int) -> bool:
    """By its command line: the id may be another process's by now."""
    try:
        return str(EMULATOR) in Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def anyone_may_read(bucket: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def finish(found: dict[str, str]) -> None:
    """Hands over by API what the emulator leaves unread in the template."""
    template = json.loads((ROOT / "dist" / STAGE / "template.json").read_text())
    api, table = (template["Resources"][name]["Properties"] for name in ("RestAPI", "Table"))
    responses = api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    gateway = stack.client("apigateway")
    for kind, response in responses.items():
        gateway.put_gateway_response(restApiId=found["RestAPIId"], responseType=kind, **response)
    gateway.create_deployment(restApiId=found["RestAPIId"], stageName="api")
    stack.client("dynamodb").update_time_to_live(
        TableName=found["TableName"],
        TimeToLiveSpecification=table["TimeToLiveSpecification"],
    )


def main() -> None:
    match sys.argv[1:]:
        case ["up"]:
            try:
                stack.say(own().up()["Url"])
            except CannotPackage as error:
                sys.exit(f"holdfast: {error}")
        case ["down"]:
            own().down()
        case ["down", name]:
            Cloud(name, 0).down()
        case ["token", role, caller_id]:
            stack.say(own().token(role, caller_id))
        case _:
            sys.exit("holdfast: up, down, token ROLE ID")


if __name__ == "__main__":
    main()
