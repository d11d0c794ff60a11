"""`serve` as an operator starts it, with the database that comes along: it answers, is small, and leaves nothing."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from engine.web import METRICS_PREFIX
from plugin.demo import machine

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_serve_becomes_a_small_process_and_leaves_no_server_and_no_counters_behind(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    counters = Path(tempfile.mkdtemp(prefix=METRICS_PREFIX))
    environment = {
        "PERENNIAL_DATA_DIR": str(tmp_path / "data"),
        "PERENNIAL_PORT": str(port),
        "PERENNIAL_URL": f"http://127.0.0.1:{port}",
        "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(),
        "WOOCOMMERCE": "yes",
        "PROMETHEUS_MULTIPROC_DIR": str(counters),
    }
    process = machine.start([sys.executable, "app.py", "serve"], ROOT, environment, tmp_path / "web.log")
    try:
        machine.wait_for(f"http://127.0.0.1:{port}/health", process, tmp_path / "web.log")
        said = subprocess.run(["ps", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True, check=True)
        assert "engine.web" in said.stdout, "the process that looks after the others has not imported the application"
        postgres = machine.server_pid(tmp_path / "data")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert not counters.exists()
    alive = subprocess.run(["ps", "-o", "stat=", "-p", str(postgres)], capture_output=True, text=True, check=False)
    # Ended, and at most not yet buried by whoever has to.
    assert alive.stdout.strip()[:1] in ("", "Z")
