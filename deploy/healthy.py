"""The container's health check: asks the process at PANDU_METRICS_BIND whether it lives. No shell, no curl in the image."""

import os
import sys
import urllib.request

port = os.environ.get("PANDU_METRICS_BIND", "127.0.0.1:9100").rpartition(":")[2]
try:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4) as answer:
        sys.exit(answer.status != 200)
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
