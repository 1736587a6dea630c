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

_CAPITALS = {
    "France": "Paris", "Japan": "Tokyo", "Italy": "Rome", "Spain": "Madrid", "Egypt": "Cairo", "Peru": "Lima",
    "Kenya": "Nairobi", "Norway": "Oslo", "Cuba": "Havana", "Poland": "Warsaw", "Greece": "Athens", "Canada": "Ottawa",
    "Chile": "Santiago", "Ghana": "Accra", "Nepal": "Kathmandu", "Latvia": "Riga", "Austria": "Vienna",
    "Portugal": "Lisbon", "Ireland": "Dublin", "Sweden": "Stockholm"}
_COLOURS = {"grass": "green", "snow": "white", "blood": "red", "coal": "black", "the sky": "blue", "a lemon": "yellow",
            "an orange": "orange", "milk": "white", "a ruby": "red", "an emerald": "green"}
# What a good model answers, by question.
ANSWERS = {f"What is the capital of {country}?": f"The capital of {country} is {city}."
           for country, city in _CAPITALS.items()}
ANSWERS |= {f"What color is {thing}?": f"{thing[0].upper()}{thing[1:]} is {colour}." for thing, colour in _COLOURS.items()}
ANSWERS |= {f"What is {a} plus {b}?": f"{a} plus {b} is {a + b}." for a in range(2) for b in range(10)}
QUESTIONS = list(ANSWERS)


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
