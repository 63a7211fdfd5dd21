#!/usr/bin/env python3
"""An example of `update_method: script`: keeps addresses in a file as /etc/hosts is one, for dnsmasq or hosts.

    "update_method": "script",
    "update_options": { "command": ["/usr/local/lib/rrdnsd/hosts_file.py", "/etc/dnsmasq.hosts/rrdnsd"], "local": true }

The TTL is kept in a comment, as such files have none. Lines of other programs and people stay as they are.
Needs nothing but Python. docs/scripts.md describes what comes in on standard input and goes out on standard output.
"""

import fcntl
import ipaddress
import json
import os
import sys

TEMPFAIL = 75


def main():
    """Read the file, answer the request, and write the file if anything changes."""
    path, verb = sys.argv[1], sys.argv[2]
    request = json.load(sys.stdin)
    with open(f"{path}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(later(f"{path} is locked"))
        lines = read(path)
        answer = fetched(lines, request) if verb == "fetch" else applied(path, lines, request)
    json.dump(answer, sys.stdout)


def read(path):
    """Give the lines of the file; there may be none yet."""
    try:
        with open(path) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def records(lines, name, rtype):
    """Find a name's lines: pairs of the line's number and its address, and their TTL."""
    found, ttl = [], 0
    for number, line in enumerate(lines):
        content, _, comment = line.partition("#")
        words = content.lower().split()
        if words[1:] == [name] and (":" in words[0]) == (rtype == "AAAA"):
            found.append((number, str(ipaddress.ip_address(words[0]))))
            ttl = int(comment.partition("ttl=")[2] or 0)
    return found, ttl


def fetched(lines, request):
    """Answer what the file has of the RRsets that are asked for."""
    rrsets = []
    for asked in request["rrsets"]:
        found, ttl = records(lines, asked["name"], asked["type"])
        rrsets.append({**asked, "ttl": ttl, "addresses": sorted(address for _, address in found)})
    return {"version": 1, "rrsets": rrsets}


def applied(path, lines, request):
    """Change the names that are still as the plan found them, and put the new file in place in one step."""
    answer = {"version": 1, "written": [], "stale": []}
    for change in request["changes"]:
        name = change["name"]
        found = {rrset["type"]: records(lines, name, rrset["type"])[0] for rrset in change["rrsets"]}
        if any({a for _, a in found[r["type"]]} != addresses(r["before"]) for r in change["rrsets"]):
            answer["stale"].append(name)
            continue
        gone = {number for lines_of in found.values() for number, _ in lines_of}
        lines = [line for number, line in enumerate(lines) if number not in gone]
        for rrset in change["rrsets"]:
            lines += [f"{a} {name} # ttl={rrset['after']['ttl']}" for a in sorted(addresses(rrset["after"]))]
        answer["written"].append(name)
    if answer["written"]:
        write(path, lines)
    return answer


def addresses(side):
    """Give the addresses of `before` or `after`, which is null where there is no RRset."""
    return set(side["addresses"]) if side else set()


def write(path, lines):
    """Write beside and rename, so that nobody reads half a file."""
    with open(f"{path}.new", "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def later(why):
    """Ask to be called again in a second; the first line of standard error is what the operator reads."""
    json.dump({"version": 1, "retry_after": 1}, sys.stdout)
    print(why, file=sys.stderr)
    return TEMPFAIL


if __name__ == "__main__":
    main()
