"""What `endpoint show` and `endpoint check` say of resources that fail while the rest of the endpoint answers."""

from datacenter_api.cli.output import Output, Row, age, answer


def tell_failing(failing: list[Row], shape: Output = Output.TABLE) -> None:
    """Say which resources of an endpoint fail while the rest answers, since when and how often."""
    for one in failing:
        times = f"{one['times']} reads in a row" if one["times"] > 1 else "1 read"
        answer(f"fails: {one['where']} for {age(one['since_s'])}, {times}: {one['error']}", shape)
