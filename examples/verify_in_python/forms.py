"""The members of a record of version 1, as docs/AUDIT.md lists them. A form is a function: does the value have it?"""

import re
from datetime import datetime, timedelta, timezone

from canonical import MAX_SAFE

TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z", re.ASCII)
HEX64 = re.compile(r"[0-9a-f]{64}")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NANO = 10**9


def epoch_ms(time):
    """Milliseconds since the epoch, of a time in the one form that the log has. ValueError for any other."""
    match = TIME.fullmatch(time)
    if match is None:
        raise ValueError("not a time")
    *whole, milliseconds = map(int, match.groups())
    return (datetime(*whole, milliseconds * 1000, tzinfo=timezone.utc) - EPOCH) // timedelta(milliseconds=1)


def nano_usd(amount):
    """USD in nano-USD, or None when the amount is not a whole number of them."""
    nano = round(amount * 1e9)
    return nano if nano <= MAX_SAFE and nano / NANO == amount else None


def whole_ms(amount):
    """Seconds in milliseconds, or None when the amount is not a whole number of them."""
    whole = round(amount * 1e3)
    return whole if whole <= MAX_SAFE and whole / 1000 == amount else None


def count(value):
    return type(value) is int and 0 <= value <= MAX_SAFE


def decimal(value):
    return type(value) in (int, float) and 0 <= value <= MAX_SAFE


def usd(value):
    return decimal(value) and nano_usd(value) is not None


def seconds(value):
    return decimal(value) and whole_ms(value) is not None


def text(value):
    return type(value) is str


def flag(value):
    return type(value) is bool


def only_true(value):
    return value is True


def hex64(value):
    return text(value) and HEX64.fullmatch(value) is not None


def time(value):
    try:
        return text(value) and epoch_ms(value) is not None
    except ValueError:
        return False


def anything(value):
    return type(value) is dict


def or_null(form):
    return lambda value: value is None or form(value)


def one_of(*words):
    return lambda value: type(value) is str and value in words


def list_of(form):
    return lambda value: type(value) is list and all(map(form, value))


def map_of(form):
    return lambda value: type(value) is dict and all(map(form, value.values()))


def members(**forms):
    """An object with these members and no others. A form in a list: the member may be absent."""
    needed = {name for name, form in forms.items() if type(form) is not list}
    checks = {name: form[0] if type(form) is list else form for name, form in forms.items()}

    def form(value):
        return (
            type(value) is dict
            and needed <= value.keys() <= checks.keys()
            and all(checks[name](member) for name, member in value.items())
        )

    return form


AGENT_OUTCOME = one_of("answered", "killed", "cancelled", "failed", "terminated", "none", "unknown")
OUTCOME = one_of("ok", "error", "not_started", "unknown", "cancelled", "abandoned")
SIZE = members(bytes=count)
AMOUNTS = members(usd_nano=count, tokens=count, tool_calls=count)
ERROR = members(code=text, status=[count])
ARGS = members(keys=list_of(members(key=text, bytes=count)), bytes=count, shown=[anything])
LIMITS = members(
    usd=or_null(usd), tokens=or_null(count), wall_seconds=seconds, max_tool_calls=or_null(count), max_recursion_depth=count
)
USAGE = members(
    input_tokens=count, cache_read_tokens=count, cache_write_tokens=count, cache_write_1h_tokens=count,
    output_tokens=count, reasoning_tokens=count, web_searches=count, modifiers=map_of(text),
)  # fmt: skip
ABOVE = members(used=AMOUNTS, tools=map_of(members(admitted=count, in_flight=count)), denied=count)
BUDGET = members(
    tokens_used=count, usd_used=decimal, tool_calls=count, recursion_depth=count, wall_elapsed=decimal,
    tokens_reserved=count, usd_reserved=decimal, tool_calls_reserved=count,
)  # fmt: skip

RECORD = members(
    v=count, ts=time, seq=count, session_id=text, run_id=text, event_id=count, agent_identity=text, invoking_user=text,
    principal=text, event=text, payload=anything, budget=BUDGET, prev_hash=hex64, hash=hex64,
)  # fmt: skip

# The events that end a session.
ENDINGS = ("session_ended", "session_terminated")

PAYLOADS = {
    "session_started": members(
        contract_sha256=hex64, limits=LIMITS, model=text, tools=list_of(text), workflow_id=text,
        authorization=or_null(text), recursion_depth=count, input=SIZE, fail_on_kill=flag, aegrail_version=text,
        parent=[members(session_id=text, seq=count)], chain=[list_of(text)], above=[ABOVE],
    ),
    "llm_admitted": members(
        model=text, attempt=count, digest=hex64, reserved=AMOUNTS, until_ms=count, timeout_ms=count,
        input_bound_tokens=count, max_output_tokens=count, purpose=[one_of("summary")],
    ),
    "llm_call": members(
        reservation=count, model=text, outcome=OUTCOME, posted=AMOUNTS, usage=or_null(USAGE),
        usage_state=one_of("reported", "missing", "impossible", "none"), finish_reason=[text],
        tool_calls_asked=[count], elapsed_ms=count, error=[ERROR], retry_in_ms=[count],
    ),
    "tool_admitted": members(
        tool=text, call_id=text, attempt=count, digest=hex64, args=ARGS, reserved=AMOUNTS, until_ms=count, timeout_ms=count,
        agent=[members(session_id=text, contract_sha256=hex64, limits=LIMITS, tools=[list_of(text)])],
    ),
    "tool_call": members(
        reservation=count, tool=text, call_id=text, ok=flag, outcome=OUTCOME, posted=AMOUNTS,
        result=[members(bytes=count, shown=[text])], elapsed_ms=count, error=[ERROR], retry_in_ms=[count],
        agent=[members(session_id=text, outcome=AGENT_OUTCOME, calls=[map_of(count)], denied=[count])],
    ),
    "tool_denied": members(tool=text, call_id=text, reason=text, asi=text, why=text, args=ARGS),
    "budget_exceeded": members(reason=text, asi=text, why=text, needed=AMOUNTS),
    "message_received": members(message_id=text, bytes=count, via=one_of("update", "signal")),
    "turn_answered": members(message_id=or_null(text), bytes=count),
    "context_compacted": members(
        reservation=count, before_transcript=hex64, summary=hex64, summary_bytes=count, tokens_before=count, tokens_after=count,
    ),
    "approval_requested": members(
        request=text, tool=text, call_id=text, digest=hex64, args=ARGS, quorum=count, expires_at=time,
    ),
    "approval_decided": members(
        request=text, digest=text, decision=one_of("approve", "deny"), by=text, reason=or_null(text),
        outcome=one_of("approved", "denied", "waiting", "refused"), why=or_null(text),
    ),
    "approval_expired": members(request=text),
    "budget_raised": members(by=text, reason=or_null(text), amounts=AMOUNTS),
    "contract_migrated": members(
        from_sha256=hex64, to_sha256=hex64, limits=LIMITS, model=text, tools=list_of(text),
        by=text, reason=or_null(text), authorization=or_null(text),
    ),
    "account_leased": members(account=text, n=count, amounts=AMOUNTS),
    "budget_warned": members(dimension=one_of("usd", "tokens", "max_tool_calls"), permille=count),
    "session_continued": members(from_run_id=text, to_run_id=text),
    "session_paused": members(by=text, reason=or_null(text)),
    "session_resumed": members(by=text, reason=or_null(text)),
    "killed_by_switch": members(agent=or_null(text), by=text, reason=or_null(text), in_flight=count),
    "cancel_requested": members(in_flight=count),
    "session_reset": members(from_run_id=text, to_run_id=text, at_seq=count, in_flight=count),
    "session_ended": members(
        outcome=one_of("answered", "killed", "cancelled", "failed"), reason=or_null(text), records=count, answer=or_null(SIZE),
    ),
    "session_terminated": members(
        status=one_of("terminated", "timed_out", "failed", "cancelled", "completed", "lost"),
        known_by=one_of("history", "absence"), closed_at=or_null(time), by=or_null(text), reason=or_null(text), records=count,
    ),
}  # fmt: skip
