"""The demo, as a newcomer sees it: without a terminal, to its end, and gone afterwards."""
from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

DEMO = pathlib.Path(__file__).resolve().parents[2] / "examples/demo/play_demo.py"


def _session_members(session: int) -> list[str]:
    members = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it has ended
            continue
        name, fields = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        if int(fields[3]) == session and fields[0] != "Z":
            members.append(name)
    return members


def test_the_demo_promotes_v2_and_takes_v3_back() -> None:
    demo = subprocess.Popen([sys.executable, "-B", DEMO, "--build", os.environ["WEIR_BUILD"]], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True)
    told, complaints = demo.communicate(timeout=280)
    assert demo.returncode == 0 and complaints == "", told + complaints
    v2_took = re.search(r"v2 serves everybody after (\d+) s; (\d+) requests, 0 errors", told)
    assert v2_took and int(v2_took[2]) >= 500 * int(v2_took[1]), told
    assert re.search(r"v3 was taken back [\d.]+ s after it got its first users: errorRate: candidate ", told), told
    users_hit = re.search(r"(\d+) of 1000 users saw an error", told)
    assert users_hit and 0 < int(users_hit[1]) < 500, told
    assert _session_members(demo.pid) == []
