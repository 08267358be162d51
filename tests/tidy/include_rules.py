#!/usr/bin/env python3
"""What would break: the direction of dependency, quietly, one convenient #include at a time.

Usage: include_rules.py ROOT    prints every breach as FILE:LINE: TEXT and exits 1 if there is one.
"""
import re
import sys
from pathlib import Path

# The arrows of the house: a room sees what it names here, and what that sees.
ARROWS = {
    "base": [],
    "net": ["base"],
    "wire": ["base"],
    "http": ["net", "wire"],
    "config": ["base"],
    "proxy": ["http", "config"],
    "admin": ["proxy"],
    "daemon": ["admin", "proxy", "config"],
}

# Who may see a third-party header: rooms, or single files.
THIRD_PARTY = {
    r"asio(\.hpp|/.*)": ["net", "daemon"],
    r"llhttp\.h": ["wire"],
    r"toml\+\+/.*": ["config"],
    r"yaml-cpp/.*": ["config"],
    r"re2/.*": ["config", "proxy"],
    r"(spdlog|fmt)/.*": ["src/base/log.cpp"],
    r"openssl/.*": ["src/base/digest.cpp", "src/base/certificate.cpp", "src/base/client_auth.cpp", "src/base/ocsp.cpp",
                    "src/base/x509.cpp", "src/base/x509.hpp", "src/net/peer_certificate.cpp", "src/net/ticket_keys.cpp",
                    "src/net/secure_context.cpp", "src/net/tls_context.cpp", "src/net/tls_destination.cpp",
                    "src/net/tls_error.cpp", "src/net/tls_profile.cpp", "src/net/tls_transport.cpp"],
    r"crypt\.h": ["src/daemon/password_hash.cpp"],
    r"CLI/.*": ["daemon"],
    r"nlohmann/.*": ["src/admin/documents.cpp", "src/daemon/admin_commands.cpp"],
    r"(gtest|gmock)/.*": [],
}
STANDARD = re.compile(r"[a-z_0-9]+|emmintrin\.h|(sys|netinet|arpa|linux|net)/[a-z_0-9]+\.h"
                      r"|(fcntl|glob|unistd|netdb|resolv|pthread|sched|signal|poll|spawn|grp|pwd|malloc|termios|time)\.h")

LINES_MAX = 800
BANNED = re.compile(r"\b(TODO|FIXME|XXX|GTEST_SKIP|sleep_for|sleep_until|usleep|nanosleep)\b|\bDISABLED_|time\.sleep")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = {".cpp", ".hpp", ".def", ".c", ".h", ".py", ".js"}


def visible_from(room):
    """The room itself and every room its arrows lead to."""
    seen, waiting = set(), [room]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting.extend(ARROWS[here])
    return seen


def room_of(path):
    """"wire" for src/wire/h1_parser.cpp, "daemon" for src/main.cpp, None for the public headers."""
    parts = path.split("/")
    if parts[0] == "include":
        return None
    return "daemon" if path == "src/main.cpp" else parts[1]


def judge_own(path, name):
    """An #include "..." of a file in src/ or include/."""
    target = name.split("/")[0]
    room = room_of(path)
    if target == "culvert":
        return None
    if target not in ARROWS or "/" not in name:
        return f'"{name}" does not begin with the name of a room or with culvert/'
    if room is None:
        return f'a public header sees only public headers, not "{name}"'
    if target not in visible_from(room):
        return f'"{name}" is an upward arrow: {room} does not use {target}'
    return None


def judge_foreign(path, name):
    """An #include <...> of a file in src/ or include/."""
    for pattern, allowed in THIRD_PARTY.items():
        if re.fullmatch(pattern, name):
            if path in allowed or room_of(path) in allowed:
                return None
            return f"<{name}> is for {', '.join(allowed) or 'tests'} only"
    if STANDARD.fullmatch(name):
        return None
    return f"<{name}> is not known here: say in include_rules.py which room it belongs to"


def breaches(path, text):
    """(line, text) of each rule that the file at `path` (relative to the root, with /) breaks."""
    lines = text.splitlines()
    if len(lines) > LINES_MAX:
        yield len(lines), f"{len(lines)} lines; {LINES_MAX} wants a second file"
    ours = path.startswith(("src/", "include/"))
    if path.startswith("src/") and room_of(path) not in ARROWS:
        yield 1, f"src/{room_of(path)} is not a room that has arrows"
        return
    for number, line in enumerate(lines, 1):
        if banned := BANNED.search(line):
            yield number, f'"{banned[0]}" is banned'
        if ours and (include := INCLUDE.match(line)):
            judge = judge_own if include[1] == '"' else judge_foreign
            if problem := judge(path, include[2]):
                yield number, problem


def main(root):
    here = Path(__file__).resolve().parent  # these files name what they ban
    files = [file for folder in ("src", "include", "tests") for file in sorted((root / folder).rglob("*"))
             if file.suffix in SOURCES and file.parent != here]
    problems = [f"{file.relative_to(root)}:{line}: {text}" for file in files
                for line, text in breaches(file.relative_to(root).as_posix(), file.read_text())]
    print("\n".join(problems) or f"{len(files)} files keep the rules")
    return 1 if problems or not files else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
