# Runs on a host, by whatever Python 3.6 or newer it has: tells its clock as often as it is asked ("?"), then takes
# another program ("!", twelve digits of length, source) and becomes it. Standard input and output stay as they are.
import os
import sys
import time

if not hasattr(time, "monotonic_ns"):
    time.monotonic_ns = lambda: int(time.monotonic() * 1e9)


def read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


if sys.byteorder != "little":
    sys.exit("its processor has another byte order")
while read(1) == b"?":
    os.write(1, b"%20d" % time.monotonic_ns())
exec(compile(read(int(read(12))), "sent", "exec"), {"__name__": "__main__"})
