"""One mail over SMTP to an address that has been judged.  A silent host costs a thread of its own and nothing else."""

import asyncio
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from datacenter_api.notify.file import Credentials, Mailbox
from datacenter_api.redfish.push.http_post import NotDelivered
from datacenter_api.redfish.push.settings import Address

ANSWER_WITHIN_S = 10.0


async def send_mail(
    box: Mailbox, at: Address, account: Credentials | None, context: ssl.SSLContext, subject: str, text: str
) -> None:
    """Send one mail.  Raises NotDelivered: not reached, not taken, no TLS, or the account is refused."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = box.sender, ", ".join(box.to), subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=box.sender.rpartition("@")[2])
    message.set_content(text)
    await _in_thread(lambda: _send(box, at, account, context, message))


def _send(
    box: Mailbox, at: Address, account: Credentials | None, context: ssl.SSLContext, message: EmailMessage
) -> None:
    try:
        with _connected(box, at, context) as link:
            if box.security == "starttls":
                link.starttls(context=context)
            if account is not None:
                link.login(account.user, account.password)
            refused = link.send_message(message)
    except smtplib.SMTPAuthenticationError as err:
        raise NotDelivered(f"the mail host refuses the account ({err.smtp_code})") from err
    except (smtplib.SMTPException, OSError, ValueError) as err:
        raise NotDelivered(f"{type(err).__name__}: {str(err)[:128]}") from err
    if refused:
        raise NotDelivered(f"the mail host takes no mail for {', '.join(sorted(refused))}")


def _connected(box: Mailbox, at: Address, context: ssl.SSLContext) -> smtplib.SMTP:
    if box.security == "tls":
        return _JudgedTls(at, box.host, box.port, timeout=ANSWER_WITHIN_S, context=context)
    return _Judged(at, box.host, box.port, timeout=ANSWER_WITHIN_S)


class _Judged(smtplib.SMTP):
    """Connects to the address that was judged; the name is for the certificate."""

    def __init__(self, at: Address, host: str, port: int, timeout: float) -> None:
        self._at = str(at)
        super().__init__(host, port, timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((self._at, port), timeout)


class _JudgedTls(smtplib.SMTP_SSL):
    """The same with TLS from the start."""

    def __init__(self, at: Address, host: str, port: int, timeout: float, context: ssl.SSLContext) -> None:
        self._at, self._name, self._tls = str(at), host, context
        super().__init__(host, port, timeout=timeout, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((self._at, port), timeout)
        return self._tls.wrap_socket(plain, server_hostname=self._name)


async def _in_thread(work: Callable[[], None]) -> None:
    """Run `work` in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(err: BaseException | None) -> None:
        if done.done():
            return
        if err is None:
            done.set_result(None)
        else:
            done.set_exception(err)

    def run() -> None:
        err: BaseException | None = None
        try:
            work()
        except BaseException as failed:  # noqa: BLE001 - handed to whoever waits
            err = failed
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, err)

    threading.Thread(target=run, name="mail", daemon=True).start()
    await done
