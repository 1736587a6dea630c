"""Which version a user gets, computed apart from the program: what an application with an OpenFeature SDK would do."""
from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_MILLION = 1_000_000


def _rotl(value: int, by: int) -> int:
    return (value << by | value >> 32 - by) & _MASK


def _scramble(block: int) -> int:
    return _rotl(block * 0xCC9E2D51 & _MASK, 15) * 0x1B873593 & _MASK


def murmur3_32(data: bytes, seed: int = 0) -> int:
    """MurmurHash3_x86_32."""
    h = seed
    whole = len(data) // 4
    for (block,) in struct.iter_unpack("<I", data[: 4 * whole]):
        h = (_rotl(h ^ _scramble(block), 13) * 5 + 0xE6546B64) & _MASK
    rest = data[4 * whole:]
    if rest:
        h ^= _scramble(int.from_bytes(rest, "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & _MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & _MASK
    return h ^ h >> 16


def bucket(key: str, salt: str = "chat/v2/") -> int:
    """In parts per million. The salt is that of plans.canary() without a revision."""
    return murmur3_32((salt + key).encode("latin-1")) * _MILLION >> 32


def arm(key: str, percent: float, salt: str = "chat/v2/") -> str:
    """v2 when the candidate has the user at this weight, else v1."""
    return "v2" if bucket(key, salt) < round(percent * _MILLION / 100) else "v1"


def user_on(version: str, percent: float, prefix: str, salt: str = "chat/v2/") -> str:
    """A prefix whose user number 0 is on this version: users of load_generator are called PREFIX-NUMBER."""
    return next(name for i in range(1_000_000) if arm(f"{(name := f'{prefix}{i}')}-0", percent, salt) == version)
