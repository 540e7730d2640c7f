"""`pandu chat --jsonl` as a program uses it: a line in, the answer out, before the next line is written (design: command line)."""

from __future__ import annotations

import json
import subprocess
import sys
from threading import Timer


def test_each_line_is_answered_before_the_next_is_given() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from bot.cli import main; main()", "chat", "--jsonl", "--channel", "telegram"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        guard = Timer(
            120, process.kill
        )  # a program that waits for the end of its input must fail the test, not hang it
        guard.start()
        handlers = []
        for line in ('{"text": "halo"}', "no json", '{"choose": 1}'):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            told = json.loads(process.stdout.readline())
            handlers.append(told.get("handler") or told["error"][:14])
        process.stdin.close()
        guard.cancel()
    assert process.returncode == 0
    assert handlers == ["greet", "not understood", "register_start"]
