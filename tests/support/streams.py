"""What the bus has stored of a running product."""

from pathlib import Path

import nats

from rack_controller.model.frame import decode_frame
from rack_controller.model.subjects import TELEMETRY_STREAM


async def published(state: Path) -> list[int]:
    """Return the sequence numbers of every frame in the stream, in the stream's order."""
    url = (state / "nats" / "url").read_text().strip()
    client = await nats.connect(url, nkeys_seed=str(state / "nats" / "api.nk"))
    stream = client.jetstream()
    info = await stream.stream_info(TELEMETRY_STREAM)
    numbers = []
    for at in range(info.state.first_seq, info.state.last_seq + 1):
        message = await stream.get_msg(TELEMETRY_STREAM, at, direct=True)
        numbers.append(decode_frame(message.data or b"").sequence)
    await client.close()
    return numbers
