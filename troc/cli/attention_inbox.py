"""`troc attention policy`, `inbox`, `send`, `read`, `answer` and `reclaim`: the paid inbox."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from troc import words
from troc.chain import Receipt
from troc.cli.acting import agreed, sent_form, troc_of
from troc.cli.attention import app
from troc.cli.session import Session, session_of
from troc.errors import InboxError, InputError

if TYPE_CHECKING:
    from troc.attention.inbox import Inbox, MessageStanding, Policy, PolicyStanding, Welcome
    from troc.attention.letters import Letter

policy_app = typer.Typer(no_args_is_help=True, help="What may reach your inbox, and at what price.")
app.add_typer(policy_app, name="policy")

_ID = 14
_USUAL_DAYS, _USUAL_PER_WEEK = 7, 10
_Message = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="How its number begins (`troc attention inbox`)")
]
_Sender = Annotated[str, typer.Argument(metavar="SENDER", help="An address, or an account of yours")]


def _inbox(session: Session) -> Inbox:
    return troc_of(session).inbox


def _done(session: Session, receipt: Receipt, text: str, **data: Any) -> None:
    session.result(data | sent_form(receipt), text)


# ------------------------------------------------------------------------------------------------- in words


def _policy_text(inbox: Inbox, policy: Policy) -> str:
    """A policy as people read it."""
    from troc.attention import topics

    if not policy.on:
        return "Nothing reaches the inbox: it is off."
    asked = f"a deposit of {inbox.text(policy.floor)} or more" if policy.floor else "no deposit"
    on = words.listed(topics.topic_names(policy.topics)) or "none"
    by = words.listed(topics.channel_names(policy.channels)) or "none"
    return (
        f"Whoever writes needs {asked}; {words.count(policy.per_week, 'message')} a week at most;"
        f" topics: {on}; channels: {by}; answered within {words.count(policy.answer_days, 'day')}."
    )


def _policy_form(inbox: Inbox, policy: Policy) -> dict[str, Any]:
    from troc.attention import topics

    return {
        "on": policy.on,
        "floor": inbox.money.of(policy.floor).as_json(),
        "per_week": policy.per_week,
        "topics": topics.topic_names(policy.topics),
        "channels": topics.channel_names(policy.channels),
        "answer_days": policy.answer_days,
    }


def _standing_text(inbox: Inbox, found: PolicyStanding) -> str:
    if not found.is_set:
        return "The inbox is off: nothing was said yet of what may reach it (`troc attention policy set`)."
    text = _policy_text(inbox, found.policy)
    if not found.policy.on:
        return text
    left = words.count(found.left, "more message", "more messages")
    return (
        f"{text}\nThis week {words.count(found.arrived, 'message')} arrived and {left} can;"
        f" the next week begins on {words.moment(found.week_ends)}."
    )


def _who(inbox: Inbox, account: str) -> str:
    brand = inbox.troc.brands.proven_of(account)
    return account if brand is None else f"{brand.name} ({brand.domain}), {account}"


def _message_text(inbox: Inbox, each: MessageStanding, mine: bool) -> str:
    from troc.attention import topics
    from troc.attention.inbox import State

    message = each.message
    whom = f"to {message.recipient}" if mine else f"from {_who(inbox, message.sender)}"
    until = words.moment(message.answer_by)
    rest = inbox.text(message.rest)
    state = {
        State.WAITING: f"answer until {until} for {rest} more"
        if not mine
        else f"may be answered until {until}",
        State.UNANSWERED: f"was not answered until {until}: {rest} can go back"
        f"{' to you (`troc attention reclaim`)' if mine else ' to the sender'}",
        State.ANSWERED: f"answered: {rest} paid",
        State.RECLAIMED: f"was not answered until {until}: {rest} went back",
    }[each.state]
    about = f"{topics.topic_name(message.topic)}, by {topics.channel_name(message.channel)}"
    got = f"{inbox.text(message.at_once)} {'were paid' if mine else 'came'} at once"
    return f"{each.id[:_ID]}  {whom}: {about}; {inbox.text(message.deposit)} deposited, {got}; {state}."


def _message_form(inbox: Inbox, each: MessageStanding) -> dict[str, Any]:
    from troc.attention import topics

    message = each.message
    return {
        "id": each.id,
        "state": str(each.state),
        "recipient": message.recipient,
        "sender": message.sender,
        "topic": topics.topic_name(message.topic),
        "channel": topics.channel_name(message.channel),
        "deposit": inbox.money.of(message.deposit).as_json(),
        "at_once": inbox.money.of(message.at_once).as_json(),
        "rest": inbox.money.of(message.rest).as_json(),
        "answer_by": message.answer_by,
        "content": "0x" + message.content.hex(),
        "answer": "0x" + each.answer.hex() if any(each.answer) else None,
        "transaction": each.transaction,
    }


# ----------------------------------------------------------------------------------------------- the policy


@policy_app.command("show")
def show(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose (default: your own)")] = "",
    sender: Annotated[str, typer.Option(help="Also how this sender is taken")] = "",
) -> None:
    """What may reach an inbox, and what is left of the week."""
    session = session_of(context)
    inbox = _inbox(session)
    found = inbox.policy(session.address_of(account) if account else None)
    data = {
        "account": found.account,
        "set": found.is_set,
        **_policy_form(inbox, found.policy),
        "arrived": found.arrived,
        "left": found.left,
        "week_ends": found.week_ends,
    }
    lines = [_standing_text(inbox, found)]
    if sender:
        who = session.address_of(sender, "sender")
        welcome = inbox.welcome(found.account, who)
        data["sender"] = {"account": who, "welcome": welcome.name.lower()}
        lines.append(f"{who}: {_WELCOMES[welcome.name]}.")
    session.result(data, "\n".join(lines))


_WELCOMES = {
    "PAID": "pays like anybody",
    "FREE": "may write without a deposit, and counts against the week",
    "BLOCKED": "is blocked",
}


@policy_app.command("set")
def set_(
    context: typer.Context,
    floor: Annotated[str, typer.Option(help='The least deposit, such as "0.50"; 0 for none')] = "",
    per_week: Annotated[int | None, typer.Option(help="How many messages a week at most, 0 to 255")] = None,
    topics: Annotated[
        str, typer.Option(help='Topics that are welcome: names or numbers with commas, or "all"')
    ] = "",
    channels: Annotated[str, typer.Option(help='Channels that are welcome, or "all"')] = "",
    answer_days: Annotated[int | None, typer.Option(help="Days that you take to answer, 1 to 255")] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Whether anything may reach you")] = None,
) -> None:
    """Say what may reach you. What you leave out stays as it is; messages that wait keep their terms."""
    from troc.attention import topics as named
    from troc.attention.inbox import Policy

    session = session_of(context)
    inbox = _inbox(session)
    found = inbox.policy()
    if not found.is_set and not floor and on is not False:
        raise InputError("nothing was said yet of what a message costs", "name a --floor, 0 for none")
    first = Policy(True, 0, _USUAL_PER_WEEK, named.topics(named.ALL), named.channels(named.ALL), _USUAL_DAYS)
    policy = found.policy if found.is_set else first
    changes: dict[str, Any] = {"per_week": per_week, "answer_days": answer_days, "on": on}
    changes |= {
        "floor": inbox.units(floor) if floor else None,
        "topics": named.topics(topics) if topics else None,
        "channels": named.channels(channels) if channels else None,
    }
    policy = replace(policy, **{name: value for name, value in changes.items() if value is not None})
    policy.check()
    if found.is_set and policy == found.policy:
        session.result({"sent": False, **_policy_form(inbox, policy)}, "That is so already.")
        return
    text = _policy_text(inbox, policy)
    if agreed(session, text, _policy_form(inbox, policy), "Set it?"):
        _done(session, inbox.set_policy(policy), "It holds from now on.", **_policy_form(inbox, policy))


@policy_app.command("welcome")
def welcome(
    context: typer.Context,
    sender: _Sender,
    paid: Annotated[bool, typer.Option("--paid", help="Let the sender pay like anybody again")] = False,
) -> None:
    """Let a sender write without a deposit."""
    from troc.attention.inbox import Welcome

    _set_welcome(session_of(context), sender, Welcome.PAID if paid else Welcome.FREE)


@policy_app.command("block")
def block(context: typer.Context, sender: _Sender) -> None:
    """Let nothing of a sender's reach you (`welcome --paid` undoes it)."""
    from troc.attention.inbox import Welcome

    _set_welcome(session_of(context), sender, Welcome.BLOCKED)


def _set_welcome(session: Session, sender: str, wanted: Welcome) -> None:
    inbox = _inbox(session)
    who = session.address_of(sender, "sender")
    data = {"sender": who, "welcome": wanted.name.lower()}
    if inbox.welcome(inbox.troc.address, who) == wanted:
        session.result({"sent": False, **data}, f"{who} {_WELCOMES[wanted.name]} already.")
        return
    if agreed(session, f"{_who(inbox, who)} {_WELCOMES[wanted.name]}.", data, "Say so?"):
        _done(session, inbox.set_welcome(who, wanted), "It holds from now on.", **data)


@policy_app.command("cancel")
def cancel(
    context: typer.Context,
    sender: Annotated[str, typer.Option(help="What you signed about this sender, not the policy")] = "",
) -> None:
    """End what you signed and a relay has not brought to the chain yet."""
    session = session_of(context)
    inbox = _inbox(session)
    who = session.address_of(sender, "sender") if sender else ""
    what = f"What you signed about {who}" if who else "The policy that you signed"
    if agreed(session, f"{what}, and nobody brought, counts no longer.", {}, "End it?"):
        _done(session, inbox.cancel_signed(who), "Ended.")


# ------------------------------------------------------------------------------------------------- messages


@app.command("inbox")
def list_messages(
    context: typer.Context,
    sent: Annotated[bool, typer.Option("--sent", help="Those that you sent")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also those that ended")] = False,
) -> None:
    """Messages to you: from whom, what was deposited, until when to answer."""
    from troc.attention.inbox import State

    session = session_of(context)
    inbox = _inbox(session)
    found = inbox.sent() if sent else inbox.received()
    shown = [each for each in found if everything or each.state in (State.WAITING, State.UNANSWERED)]
    if not sent and not everything:
        shown = [each for each in shown if each.state == State.WAITING]
    lines = [_message_text(inbox, each, sent) for each in shown]
    session.result(
        {"messages": [_message_form(inbox, each) for each in shown]},
        "\n".join(lines) or ("No message waits." if found else "No message yet."),
    )


@app.command("send")
def send(
    context: typer.Context,
    to: Annotated[str, typer.Argument(metavar="TO", help="An address, or an account of yours")],
    letter: Annotated[
        str, typer.Argument(metavar="LETTER", help="The text, a file, or a letter that was written before")
    ],
    deposit: Annotated[str, typer.Option(help="What you deposit (default: what is asked for)")] = "",
    topic: Annotated[str, typer.Option(help="What it is about: a name or number")] = "other",
    channel: Annotated[str, typer.Option(help="How the letter reaches the recipient")] = "other",
    wait: Annotated[
        int | None, typer.Option(help="The most days that you wait for an answer (default: as asked for)")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where the letter's file is written (default: here)")
    ] = None,
) -> None:
    """Send somebody a message with a deposit: a tenth is paid at once, the rest if it is answered in time.

    Only the letter's hash goes on the chain. Its file is yours to bring to the recipient.
    """
    from troc.attention import topics
    from troc.attention.inbox import Welcome

    session = session_of(context)
    inbox = _inbox(session)
    recipient = session.address_of(to, "recipient")
    found, path = _letter(inbox, recipient, letter)
    before = inbox.sent_before(found) if path is not None else None
    if before is not None:
        data = {"sent": False, **_message_form(inbox, before), "file": str(path)}
        session.result(data, f"This letter was sent before: {before.id[:_ID]}.")
        return
    if deposit:
        units = inbox.units(deposit)
    else:
        free = inbox.welcome(recipient, inbox.troc.address) == Welcome.FREE
        units = 0 if free else inbox.policy(recipient).policy.floor
    draft = inbox.draft(recipient, units, topics.topic(topic), topics.channel(channel), wait)
    until = words.count(draft.most_days, "day")
    about = f"{topics.topic_name(draft.topic)}, by {topics.channel_name(draft.channel)}"
    text = (
        f"You write to {recipient} ({about}) and deposit {inbox.text(units)}:"
        f" {inbox.text(-(-units // 10))} are paid at once, the rest when you are answered within {until};"
        " else it is yours again."
    )
    if not agreed(session, text, {"recipient": recipient, "words": text}, "Send it?"):
        return
    if path is None:
        # First, since what was sent and is not kept can be read by nobody.
        path = found.write(out or Path(f"letter-{found.hash.hex()[:8]}.json"))
    standing = inbox.send(draft, found)
    session.result(
        {"sent": True, **_message_form(inbox, standing), "file": str(path)},
        f"Sent: {standing.id[:_ID]}. The letter is in {path}: bring that file to the recipient.",
    )


def _letter(inbox: Inbox, recipient: str, source: str) -> tuple[Letter, Path | None]:
    """The letter, and its file where it was written before."""
    from troc.attention.letters import LETTER, Letter, content_of, file_of, is_letter, read_letter

    path = file_of(source)
    if path is not None and is_letter(path):
        found = read_letter(path, inbox.domain)
        if found.kind != LETTER or (found.recipient, found.sender) != (recipient, inbox.troc.address):
            raise InputError(f"the letter in {source} is not yours to this recipient", "name another file")
        return found, path
    data = content_of(source)
    if not data.strip():
        raise InputError("the letter is empty", "write something, or name a file")
    return Letter(inbox.domain, recipient, inbox.troc.address, data), None


@app.command("read")
def read(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of a letter, or of an answer")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write what is in it to this new file")
    ] = None,
) -> None:
    """Check a letter or an answer against the chain, and show it."""
    from troc.attention.letters import ANSWER, read_letter
    from troc.vouchers import write_secret

    session = session_of(context)
    inbox = _inbox(session)
    letter = read_letter(file, inbox.domain)
    standing = inbox.check_letter(letter)
    mine = inbox.troc.is_named and letter.sender == inbox.troc.address
    lines = [_message_text(inbox, standing, mine)]
    lines.append("The answer:" if letter.kind == ANSWER else "The letter, as it was sent:")
    if out is not None:
        write_secret(out, letter.data)
        lines.append(f"It is in {out}.")
    elif letter.text is None:
        lines.append(f"{len(letter.data):,} bytes that are no text: -o FILE writes them.")
    else:
        lines += [words.shown(line) for line in letter.text.splitlines()]
    session.result(
        {
            **_message_form(inbox, standing),
            "kind": letter.kind,
            "text": letter.text,
            "file": str(out or file),
        },
        "\n".join(lines),
    )


@app.command("answer")
def answer(
    context: typer.Context,
    message: _Message,
    text: Annotated[str, typer.Argument(metavar="ANSWER", help="The text, or a file (default: none)")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where the answer's file is written (default: here)")
    ] = None,
) -> None:
    """Answer a message, and be paid the rest of its deposit."""
    from troc.attention.letters import Letter, content_of

    session = session_of(context)
    inbox = _inbox(session)
    standing = inbox.named(message)
    inbox.check_answer(standing)
    found = standing.message
    told = (
        f"You answer {standing.id[:_ID]} of {_who(inbox, found.sender)}: {inbox.text(found.rest)} are yours."
    )
    if not agreed(session, told, {"id": standing.id, "words": told}, "Answer it?"):
        return
    path, hash_ = None, bytes(32)
    if text:
        letter = Letter(inbox.domain, found.recipient, found.sender, content_of(text), message_id=found.id)
        path = letter.write(out or Path(f"answer-{letter.hash.hex()[:8]}.json"))
        hash_ = letter.hash
    receipt = inbox.answer(standing, hash_)
    said = f" The answer is in {path}: bring that file to the sender." if path else ""
    _done(session, receipt, f"Answered.{said}", id=standing.id, file=str(path) if path else None)


@app.command("reclaim")
def reclaim(
    context: typer.Context,
    message: Annotated[
        str, typer.Argument(metavar="MESSAGE", help="How its number begins (default: all that are due)")
    ] = "",
) -> None:
    """Take back the deposits of your messages that were not answered in time."""
    from troc.attention.inbox import State

    session = session_of(context)
    inbox = _inbox(session)
    sent = inbox.sent()
    due = [each for each in sent if each.state == State.UNANSWERED]
    if message:
        due = [inbox.named(message, sent)]
        if due[0].state == State.WAITING:
            until = words.moment(due[0].message.answer_by)
            raise InboxError(f"{due[0].id[:_ID]} can be answered until {until}", "reclaim it after that")
        if due[0].state != State.UNANSWERED:
            raise InboxError(f"{due[0].id[:_ID]} was {due[0].state}", "nothing is left to do for it")
    amount = sum(each.message.rest for each in due)
    data: dict[str, Any] = {
        "messages": [_message_form(inbox, each) for each in due],
        "amount": inbox.money.of(amount).as_json(),
    }
    if not due:
        session.result({"sent": False, **data}, "Nothing is due.")
        return
    text = f"{inbox.text(amount)} of {words.count(len(due), 'message')} come back to you."
    if agreed(session, text, data, "Take it?"):
        receipts = inbox.reclaim(due)
        data |= {"sent": bool(receipts), "transactions": [each.transaction for each in receipts]}
        session.result(data, "Taken back." if receipts else "Somebody has done so before.")
