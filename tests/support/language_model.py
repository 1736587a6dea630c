"""Starts examples/language-model: a real model behind the OpenAI API, with the faults that a test asks for."""
from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from typing import Any

from http_client import get
from polling import wait_until
from ports import free_port

_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_SERVER = _ROOT / "examples/language-model"
_MODELS = _ROOT / "tests/fixtures/models"

_COLOURS = ("grass", "snow", "blood", "coal", "the sky", "a lemon", "an orange", "milk", "a ruby", "an emerald")
_COUNTRIES = ("France", "Japan", "Italy", "Spain", "Egypt", "Peru", "Kenya", "Norway", "Cuba", "Poland", "Greece",
              "Canada", "Chile", "Ghana", "Nepal", "Latvia", "Austria", "Portugal", "Ireland", "Sweden")
QUESTIONS = [f"What is the capital of {country}?" for country in _COUNTRIES]
QUESTIONS += [f"What color is {thing}?" for thing in _COLOURS]
QUESTIONS += [f"What is {a} plus {b}?" for a in range(2) for b in range(10)]


def chat(question: str, **fields: Any) -> str:
    """The body of a request that asks for a stream, with its usage."""
    asked = {"model": "qa16", "stream": True, "stream_options": {"include_usage": True},
             "messages": [{"role": "user", "content": question}]}
    return json.dumps({**asked, **fields})


class LanguageModel:
    """Answers from its construction on. `flags` as in faults.js, with underscores: token_delay=20, no_usage=True."""

    def __init__(self, log: pathlib.Path, model: str, **flags: Any):
        self.port = free_port()
        node = shutil.which("node") or shutil.which("nodejs")
        assert node and (_SERVER / "node_modules").is_dir(), "scripts/install-language-model has not been run"
        command = [node, str(_SERVER / "server.js"), "--model", str(_MODELS / f"qa16-{model}.gguf"), "--port", str(self.port)]
        for name, value in flags.items():
            command.append(f"--{name.replace('_', '-')}")
            if value is not True:
                command.append(str(value))
        with log.open("w") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        wait_until(self._ready, f"the model {model} is loaded", timeout_s=60)

    def _ready(self) -> bool:
        try:
            return get(self.port, "/health").status == 200
        except ConnectionRefusedError:
            assert self._process.poll() is None, "the language model has ended"
            return False

    def counters(self) -> dict[str, int]:
        """What became of its requests."""
        counters: dict[str, int] = json.loads(get(self.port, "/counters").body)
        return counters

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
