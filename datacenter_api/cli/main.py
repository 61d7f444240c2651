"""`rackwright NOUN VERB`: puts the commands together and makes every failure one line with an exit code."""

import functools
import os
import sys
from collections.abc import Callable

import typer

from datacenter_api.cli import (
    accept,
    accept_floor,
    account,
    alarm,
    audit,
    bench,
    building,
    bypass,
    certificate,
    console,
    coolant,
    credential,
    discover,
    doctor,
    domain,
    emergency,
    endpoint,
    endpoint_check,
    endpoint_quiet,
    endpoint_restart,
    endpoint_trust,
    enrol,
    evaluate,
    event,
    firmware,
    interlock,
    limit,
    lock,
    login,
    op,
    option,
    passport,
    policy,
    power,
    power_budget,
    power_layer,
    power_policy,
    processes,
    psu,
    rack,
    rescan,
    sensor,
    shelf,
    status,
    subscription,
    swap,
    tray,
    up,
    verify,
)
from datacenter_api.cli.options import State, Url
from firmware_bridge.vocabulary.errors import RackwrightError

INTERRUPTED = 130

app = typer.Typer(
    name="rackwright",
    help="Racks under control: run them, look at them, act on them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def choose_server(url: Url = None, state: State = None) -> None:
    """Racks under control: run them, look at them, act on them."""
    # Both options may also stand after the verb; the environment carries them there.
    if url is not None:
        os.environ["RACKWRIGHT_URL"] = url
    if state is not None:
        os.environ["RACKWRIGHT_STATE"] = str(state)


app.command("up")(up.up)
app.command("status")(status.show_status)
app.add_typer(rack.app, name="rack")
app.add_typer(domain.app, name="domain")
app.add_typer(endpoint.app, name="endpoint")
app.add_typer(swap.app, name="swap")
app.add_typer(op.app, name="op")
app.add_typer(interlock.app, name="interlock")
app.add_typer(bypass.app, name="bypass")
app.add_typer(building.app, name="building")
app.add_typer(lock.app, name="lock")
app.add_typer(alarm.app, name="alarm")
app.add_typer(power.app, name="power")
power.app.command("budget")(power_budget.budget)
power.app.command("why")(power_budget.why)
power.app.command("cap")(power_budget.cap)
power.app.command("what-if", context_settings=power_budget.NUMBERS)(power_budget.what_if)
power.app.add_typer(power_policy.app, name="policy")
power.app.add_typer(power_policy.jobs, name="job")
power.app.add_typer(power_layer.app, name="layer")
app.add_typer(firmware.app, name="firmware")
app.add_typer(limit.app, name="limit")
app.add_typer(coolant.app, name="coolant")
app.add_typer(passport.app, name="passport")
app.add_typer(option.app, name="option")
app.add_typer(shelf.app, name="shelf")
app.add_typer(psu.app, name="psu")
app.add_typer(sensor.app, name="sensor")
app.add_typer(event.app, name="event")
app.add_typer(console.app, name="console")
app.add_typer(tray.app, name="tray")
app.add_typer(policy.app, name="policy")
app.add_typer(credential.app, name="credential")
app.add_typer(account.app, name="account")
app.add_typer(audit.app, name="audit")
app.add_typer(certificate.app, name="certificate")
app.add_typer(subscription.app, name="subscription")
accept.app.add_typer(accept_floor.app, name="floor")
app.add_typer(accept.app, name="accept")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(bench.app, name="bench")
app.command("discover")(discover.find)
app.command("enrol")(enrol.enrol)
endpoint.app.command("check")(endpoint_check.check)
endpoint.app.command("rotate")(endpoint_trust.rotate)
endpoint.app.command("reload")(endpoint_trust.reload)
endpoint.app.command("repin")(endpoint_trust.repin)
endpoint.app.command("quiet")(endpoint_quiet.quiet)
endpoint.app.command("restart")(endpoint_restart.restart)
app.command("emergency-off")(emergency.emergency_off)
app.command("locate")(tray.locate)
app.command("rescan")(rescan.rescan)
app.command("login")(login.log_in)
app.command("logout")(login.log_out)
app.command("emulate", context_settings=processes.PASS_ON, add_help_option=False)(processes.emulate)
app.command("control", context_settings=processes.PASS_ON, add_help_option=False)(processes.control)
app.command("serve")(processes.serve)
app.command("agent", context_settings=processes.PASS_ON, add_help_option=False)(processes.agent)
app.command("verify")(verify.verify)
app.command("doctor")(doctor.examine)
app.command("version")(status.show_version)


def main() -> None:
    """Run one command and exit; no traceback reaches the user unless RACKWRIGHT_DEBUG is set."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = _command()(arguments, prog_name="rackwright", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.TyperException as err:
        return _say_usage(err)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except RackwrightError as err:
        _say(str(err))
        return err.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, `less`) has seen enough; Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as err:
        if "RACKWRIGHT_DEBUG" in os.environ:
            raise
        _say(f"unexpected {type(err).__name__}: {err}: set RACKWRIGHT_DEBUG=1 to see where, and tell us")
        return RackwrightError.exit_code
    return 0


@functools.cache
def _command() -> Callable[..., object]:
    """Return the tree of all commands, which is put together once a process."""
    return typer.main.get_command(app)


def _say_usage(err: typer.TyperException) -> int:
    """Say in one line what is wrong with the command line; a noun without a verb gets its help."""
    text = err.format_message().replace(": Value error, ", ": ")
    context = getattr(err, "ctx", None)
    if text.lstrip().startswith("Usage:") or not text.strip():
        print(text, file=sys.stderr)  # noqa: T201
    else:
        _say(f"{text.rstrip('.')}: see `{context.command_path if context else 'rackwright'} --help`")
    return err.exit_code


def _say(text: str) -> None:
    print("rackwright: " + " ".join(text.split()), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
