"""The last lines of a console's log, by time and by text.  Bounded in bytes, lines and seconds."""

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass

from datacenter_api.consoles.relay import ConsoleRelay
from datacenter_api.consoles.transcript import Backwards, LogLine
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, DeadlinePassed
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.text import scrub
from rack_controller.model.console import MOST_PAGE

MOST_LINES = 5_000
MOST_BYTES = 8 * 1024 * 1024
MOST_PATTERN = 200
MOST_SEARCHED = 100_000  # lines that a regular expression is held against; what is older is not looked at
SEARCH_WITHIN_S = 5.0
_searches = asyncio.Semaphore(2)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: the last `lines` of those since a time (Unix ns, 0: ever) that hold `text` or fit it as a regex."""

    lines: int = 100
    since_ns: int = 0
    text: str = ""
    regex: bool = False


async def find_lines(relay: ConsoleRelay, place: Place, wanted: Wanted) -> list[LogLine]:
    """Return the wanted lines, oldest first.

    Raises ArgumentsInvalid for a pattern that is none, DeadlinePassed for one that takes too long, and what the bus
    raises.
    """
    back, found, read = Backwards(), list[LogLine](), 0
    position: int | None = None
    while read < MOST_BYTES and (wanted.regex or len(found) < wanted.lines):
        page = await relay.page(place, position, backwards=True, most=MOST_PAGE)
        if not page.data:
            break
        read, position = read + len(page.data), page.start
        lines = back.feed(page)
        fresh = [line for line in lines if line.unix_ns >= wanted.since_ns]
        if wanted.text and not wanted.regex:
            found[:0] = [line for line in fresh if wanted.text in line.text]
        else:
            found[:0] = fresh
        if len(fresh) < len(lines) or len(found) >= MOST_SEARCHED:
            break  # everything before is older, or more than anybody reads
        await asyncio.sleep(0)  # a log of short lines must not hold up everything else
    if wanted.regex and wanted.text:
        found = await _fitting(found, wanted.text)
    return found[-wanted.lines :]


async def _fitting(lines: list[LogLine], pattern: str) -> list[LogLine]:
    body = json.dumps({"pattern": pattern, "lines": [line.text for line in lines]}).encode()
    async with _searches:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-m", "datacenter_api.consoles.grep"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(SEARCH_WITHIN_S):
                out, said = await process.communicate(body)
        except TimeoutError as err:
            raise DeadlinePassed(f"the pattern takes more than {SEARCH_WITHIN_S:g} s", advice="a simpler one") from err
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if process.returncode == 2:
        raise ArgumentsInvalid(f"no regular expression: {scrub(said.decode(errors='replace'), 200)}")
    if process.returncode != 0:
        raise DeadlinePassed("the pattern takes too long", advice="a simpler one, or a fixed text")
    return [lines[n] for n in json.loads(out)]
