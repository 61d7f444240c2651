"""Lines that fit a regular expression, found in a process of its own: a pattern that never ends costs only that one.

Standard input: JSON with `pattern` and `lines`.  Standard output: the numbers of the lines that fit, as JSON.
"""

import json
import re
import resource
import sys

CPU_S = 3


def main() -> int:
    """Read, search, write.  Returns 2 for a pattern that is none."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    asked = json.load(sys.stdin)
    try:
        pattern = re.compile(asked["pattern"])
    except re.error as err:
        sys.stderr.write(str(err))
        return 2
    json.dump([n for n, line in enumerate(asked["lines"]) if pattern.search(line)], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
